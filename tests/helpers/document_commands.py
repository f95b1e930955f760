"""How each command of the documents is tested. A command that stands in none of these tables fails the test.

Commands are written as `documents.plain` makes them: without comment, `sudo` and the environment's folder.
"""

APPENDED = {
    # README
    "vsrlib infer CLIPS OUTPUT --weights medium-realistic": "",
    "vsrlib infer CLIPS OUTPUT --weights medium-realistic --video mp4": "",
    "vsrlib infer CLIPS OUTPUT --weights medium-realistic --gt HR": "",
    "vsrlib infer CLIPS OUTPUT --weights medium-realistic --tile 128": "",
    "vsrlib infer CLIPS OUTPUT --weights study-realistic --device cpu": "",
    "vsrlib infer CLIPS OUTPUT --weights WEIGHTS --preset published": "--preset study",
    "vsrlib degrade HR DATASET --blur Realistic": "",
    "vsrlib data check DATASET": "",
    "vsrlib convert WEIGHTS weights.safetensors": "",
    "vsrlib export study-realistic model.onnx": "",
    "vsrlib train HR VALIDATION OUTPUT": "--steps 1 --batch-size 1 --patch-size 16",
    "vsrlib study --set 04_infer_clips_torch.device=auto --dry-run": "--run dry --data dry-data",
    "vsrlib bench --device auto": "blur --framework torch --size 16x16 --repeats 3 --seconds 1 --preset study",
    "vsrlib --help": "",
    # docs/choosing.md
    "vsrlib bench --output OUTPUT": "blur --framework torch --size 16x16 --repeats 3 --seconds 1 --preset study",
    # docs/data.md
    "vsrlib data check DATA --json before.json": "",
    "vsrlib data check DATA --against before.json": "",
    "vsrlib data check PATH": "",
    "vsrlib degrade HR SET": "",
    "vsrlib data fetch --help": "",
    "python tests/helpers/damage_images.py FRAMES COUNT": "",
    # docs/deploy.md
    "vsrlib export WEIGHTS model.onnx --preset published": "--preset study",
    "vsrlib infer CLIPS OUTPUT --weights study-realistic --framework onnx": "",
    # docs/experiments.md
    "vsrlib study --dry-run": "--run dry --data dry-data",
    "vsrlib infer CLIPS runs/mine/torch --weights study-realistic": "",
    "vsrlib infer CLIPS runs/mine/jittor --weights study-realistic --framework jittor": "",
    "vsrlib degrade HR data/Mine --blur Gaussian": "",
    "vsrlib data check data/Mine": "",
    "vsrlib infer data/Mine/LR_blurdown_x4 runs/gt/torch --gt data/Mine/HR --weights study-gaussian": "",
    "vsrlib infer data/Mine/LR_blurdown_x4 runs/gt/jittor --gt data/Mine/HR --weights study-gaussian "
    "--framework jittor": "",
    "vsrlib compare runs/gt/torch/inference.json runs/gt/jittor/inference.json --output runs/gt/comparison": "",
    "vsrlib study --profile standard --set test_root=HR --set hr_root=HR --set validation_root=VALIDATION": (
        "--run dry --data dry-data --dry-run"
    ),
    "vsrlib train HR VALIDATION OUTPUT --template small-budget --flow-weights FLOW_WEIGHTS": (
        "--preset study --steps 1 --batch-size 1 --patch-size 16"
    ),
    "vsrlib train HR VALIDATION OUTPUT --template Self_Blind_VSR_Realistic --flow-weights FLOW_WEIGHTS": (
        "--preset study --steps 1 --batch-size 1 --patch-size 16"
    ),
    # docs/training.md
    "vsrlib train HR VALIDATION OUTPUT --objective supervised": "--steps 1 --batch-size 1 --patch-size 16",
    "vsrlib train HR VALIDATION OUTPUT --template Self_Blind_VSR_Gaussian": (
        "--preset study --steps 1 --batch-size 1 --patch-size 16"
    ),
    "vsrlib train HR VALIDATION OUTPUT --resume": (
        "--template Self_Blind_VSR_Gaussian --preset study --steps 1 --batch-size 1 --patch-size 16"
    ),
    "vsrlib adapt LR OUTPUT --weights medium-realistic --minutes 10": "--steps 1 --batch-size 1 --patch-size 16",
    "vsrlib adapt LR OUTPUT": "--steps 1 --batch-size 1 --patch-size 16",
    "vsrlib clips CLIPS": "--count 1 --frames 5 --height 64 --width 64 --leaves 1",
    # docs/weights.md
    "vsrlib convert SOURCE TARGET": "",
    "vsrlib convert SOURCE TARGET --half": "",
    "vsrlib convert SOURCE": "",
    "vsrlib clips CLIPS/train": "--count 1 --frames 5 --height 64 --width 64 --leaves 1",
    "vsrlib clips CLIPS/validation --split validation --count 6 --leaves 2 --seed 1": (
        "--count 1 --frames 5 --height 64 --width 64"
    ),
    "vsrlib train CLIPS/train/HR CLIPS/validation/HR OUT --template study --blur Gaussian --align-corners "
    "--flow-weights FLOW/flow.safetensors --device cpu": "--steps 1 --batch-size 1 --patch-size 16",
    # docs/troubleshooting.md
    "vsrlib convert OLD.pt weights.safetensors": "",
    "vsrlib convert WEIGHTS weights.pkl": "",
    # data/README.md
    "vsrlib degrade --help": "",
    "vsrlib data check data/SET": "",
    # figures/README.md
    "vsrlib publish RUN FOLDER": "",
}
"""Commands that are run here for real -> what is appended to make them short; later options replace earlier ones."""

ELSEWHERE = {
    "vsrlib infer VIDEO restored.mp4 --weights medium-realistic": (
        "restoration/test_destination.py::test_an_output_that_ends_as_a_video_is_that_video"
    ),
    "vsrlib data pictures PICTURES": (
        "data/test_pictures_to_learn_from.py::test_the_pictures_of_a_package_are_written_as_they_are"
    ),
    "vsrlib data pictures FOLDER": (
        "data/test_pictures_to_learn_from.py::test_the_pictures_of_a_package_are_written_as_they_are"
    ),
    "vsrlib train PICTURES/train MADE/HR OUT/begun --template medium --flow-weights FLOW/begun/flow.safetensors "
    "--device cpu --flow-learning-rate 0 --flow-supervision 0 --precision bfloat16 --steps 3250": (
        "training/test_training_pictures.py::test_a_fixed_flow_network_stays_as_it_is_and_the_rest_learns"
    ),
    "vsrlib train PICTURES/train MADE/HR OUT/first --template medium --weights OUT/begun/weights.safetensors "
    "--device cpu --flow-weights FLOW/flow.safetensors --flow-learning-rate 1e-5 --precision bfloat16 --steps 2000 "
    "--halve-every 800 --seed 2": (
        "training/test_training_pictures.py::test_a_resumed_training_with_supervision_equals_an_uninterrupted_one"
    ),
    "vsrlib convert OUT/first/weights.safetensors first.safetensors --half": (
        "cli/test_command_convert.py::test_half_keeps_eleven_bits_and_the_digest_is_of_what_is_stored"
    ),
    "vsrlib train PICTURES/train MADE/HR OUT/second --template medium --weights first.safetensors --device cpu "
    "--flow-learning-rate 1e-5 --precision bfloat16 --steps 4500 --halve-every 1400 --seed 3": (
        "training/test_training_pictures.py::test_a_resumed_training_with_supervision_equals_an_uninterrupted_one"
    ),
    "vsrlib convert OUT/second/weights.safetensors second.safetensors --half": (
        "cli/test_command_convert.py::test_half_keeps_eleven_bits_and_the_digest_is_of_what_is_stored"
    ),
    "vsrlib train-flow FLOW/longer --preset medium --images PICTURES/train --weights second.safetensors "
    "--match-steps 0 --patch-size 128 --batch-size 4 --bars 3 --noise 0.02 --max-shift 20 --flow-steps 8000 "
    "--learning-rate 4e-4 --seed 3 --device cpu": "training/test_flow_training.py::test_results",
    "vsrlib train-flow FLOW/fine --preset medium --images PICTURES/train --weights FLOW/longer/flow.safetensors "
    "--match-steps 0 --patch-size 128 --batch-size 4 --bars 2 --noise 0.01 --max-shift 10 --flow-steps 4600 "
    "--learning-rate 3e-4 --seed 4 --device cpu": "training/test_flow_training.py::test_results",
    "vsrlib train-flow FLOW/finer --preset medium --images PICTURES/train --weights FLOW/fine/flow.safetensors "
    "--match-steps 0 --patch-size 128 --batch-size 4 --bars 2 --noise 0.01 --max-shift 10 --flow-steps 4200 "
    "--learning-rate 2.5e-4 --seed 5 --device cpu": "training/test_flow_training.py::test_results",
    "vsrlib train PICTURES/train MADE/HR OUT/third --template medium --weights second.safetensors --device cpu "
    "--flow-learning-rate 0 --flow-supervision 0 --precision bfloat16 --soft 0.2 --steps 4000 "
    "--halve-every 3000 --seed 4": (
        "training/test_training_pictures.py::test_the_asked_share_of_the_windows_is_soft_and_the_rest_as_ever"
    ),
    "vsrlib train PICTURES/train MADE/HR OUT --template medium --weights OUT/third/weights.safetensors --device cpu "
    "--flow-weights FLOW/finer/flow.safetensors --flow-learning-rate 0 --flow-supervision 0 --precision bfloat16 "
    "--soft 0.2 --learning-rate 3e-4 --steps 3400 --halve-every 850 --seed 5": (
        "training/test_training_pictures.py::test_the_asked_share_of_the_windows_is_soft_and_the_rest_as_ever"
    ),
    "vsrlib convert OUT/weights.safetensors medium-gaussian.safetensors --half": (
        "cli/test_command_convert.py::test_half_keeps_eleven_bits_and_the_digest_is_of_what_is_stored"
    ),
    "vsrlib clips MADE --images PICTURES/validation --leaves 0 --count 8 --seed 1": (
        "data/test_pictures.py::test_clips_of_ones_own_pictures"
    ),
    "vsrlib train-flow FLOW/begun --preset medium --images PICTURES/train --bars 2 --noise 0.02 --max-shift 10 "
    "--match-steps 1200 --flow-steps 1500 --device cpu": "training/test_flow_training.py::test_results",
    "vsrlib train-flow FLOW --preset medium --images PICTURES/train --weights FLOW/begun/flow.safetensors "
    "--match-steps 0 --patch-size 128 --batch-size 4 --bars 3 --noise 0.02 --max-shift 20 --flow-steps 9000 --seed 2 "
    "--device cpu": "training/test_flow_training.py::test_results",
    "vsrlib weights": "restoration/test_worth.py::test_the_list_has_every_name_with_its_digest",
    "vsrlib weights LR HR --output FILE": (
        "restoration/test_worth.py::test_worth_is_the_difference_from_bicubic_upsampling"
    ),
    "vsrlib weights LR HR": "restoration/test_worth.py::test_worth_is_the_difference_from_bicubic_upsampling",
    "vsrlib train PICTURES/train VALIDATION OUTPUT --template medium": (
        "training/test_training_pictures.py::test_a_resumed_training_with_supervision_equals_an_uninterrupted_one"
    ),
    "vsrlib study --profile quick": "study/test_quick_study.py::test_the_study_runs_and_a_second_call_runs_nothing",
    "vsrlib site runs/quick SITE": "report/test_site.py::test_the_command_says_where_it_is",
    "vsrlib demo runs/demo": "restoration/test_demo.py::test_every_file_that_is_named_is_there_and_nothing_else",
    "python -m vsrlib.report.front runs/demo figures/demo": (
        "report/test_front.py::test_the_same_files_give_the_same_pictures"
    ),
    "vsrlib demo": "restoration/test_demo.py::test_every_file_that_is_named_is_there_and_nothing_else",
    "./run_all.sh demo": "project/test_environment_files.py::test_run_all_demo_checks_no_framework_and_runs_no_study",
    "vsrlib infer --shard 1/4": "cli/test_command_infer.py::test_a_mistake_is_one_sentence",
    "papermill notebooks/04_infer_clips.ipynb out.ipynb -p framework jittor -p blur Realistic": (
        "study/test_batch.py::test_one_command_line_does_for_every_notebook"
    ),
    "./run_all.sh": "project/test_environment_files.py::test_run_all_uses_conda_where_there_is_one",
    "vsrlib study --frameworks torch --run runs/torch": (
        "study/test_plan.py::test_a_study_of_pytorch_alone_has_no_step_about_jittor"
    ),
    "./run_all.sh --frameworks torch": "project/test_run_all.py::test_pytorch_alone_installs_nothing_of_jittor",
    "./run_all.sh --frameworks torch,jittor,paddle": (
        "project/test_run_all.py::test_paddlepaddle_comes_where_it_is_asked_for_and_once"
    ),
    "./run_all.sh test": "project/test_environment_files.py::test_run_all_uses_conda_where_there_is_one",
    "vsrlib study": "study/test_quick_study.py::test_the_study_runs_and_a_second_call_runs_nothing",
    "vsrlib study --profile published": (
        "study/test_plan.py::test_what_the_published_profile_lacks_is_named_with_what_to_put_there"
    ),
    "vsrlib study --profile paper": "study/test_plan.py::test_the_paper_profile_is_the_papers_configuration",
    "vsrlib infer --quick-test Gaussian_Vid4": "cli/test_command_infer.py::test_published_tests_by_name",
    "vsrlib check": "cli/test_command_check.py::test_both_frameworks_are_used_for_real",
    "vsrlib costs OUTPUT": "bench/test_costs_study.py::test_everything_for_real",
    "vsrlib bench": "bench/test_bench_command.py::test_every_suite",
    "vsrlib bench degrade": "bench/test_bench_command.py::test_every_suite",
    "vsrlib bench engines": "bench/test_bench_command.py::test_every_suite",
    "vsrlib bench memory": "bench/test_bench_command.py::test_every_suite",
    "vsrlib bench step blur": "bench/test_bench_command.py::test_every_suite",
    "vsrlib bench engines memory --repeats 3 --output runs/bench": "bench/test_bench_command.py::test_every_suite",
    "vsrlib bench correlation blur post --processes 6 --repeats 10 --seconds 3 --output runs/bench/kernels": (
        "bench/test_bench_command.py::test_every_suite"
    ),
    "vsrlib bench step degrade --preset study --processes 6 --repeats 10 --seconds 4 --weights study-gaussian "
    "--output runs/bench/step": "bench/test_bench_command.py::test_several_processes_measure_in_turn",
    "vsrlib bench scaling --preset study --repeats 10 --seconds 5 --output runs/bench/scaling": (
        "bench/test_bench_command.py::test_scaling_is_measured_where_it_is_named"
    ),
    "vsrlib bench peers --repeats 3 --output runs/bench/peers": (
        "bench/test_peers.py::test_openvino_is_measured_both_ways"
    ),
    "vsrlib experiment precision runs/precision --scenes CLIPS": (
        "experiments/test_precision.py::test_the_experiment_measures_what_it_says_and_goes_on"
    ),
    "vsrlib experiment training runs/training": (
        "experiments/test_training_faults.py::test_the_arms_of_a_seed_share_start_and_batches"
    ),
    "vsrlib experiment seeds runs/seeds --scenes CLIPS": (
        "experiments/test_seeds.py::test_networks_of_several_calls_are_those_of_one"
    ),
    **dict.fromkeys(
        (
            "vsrlib experiment backends OUTPUT",
            "vsrlib experiment backends runs/backends",
            "vsrlib experiment backends runs/backends --repeats 3",
        ),
        "experiments/test_backends.py::test_all_four_are_timed_in_turns_and_set_against_the_first",
    ),
    **dict.fromkeys(
        (
            "vsrlib experiment blind runs/blind --scenes CLIPS --kernels KERNELS",
            "vsrlib experiment blind runs/blind --scenes vid4 --kernels KERNELS",
            "vsrlib experiment blind",
        ),
        "experiments/test_blind.py::test_each_arm_learns_from_what_it_says_and_is_measured_on_the_clip",
    ),
    "vsrlib experiment processes runs/processes": (
        "experiments/test_costs_experiments.py::test_the_clock_of_each_case_is_measured_by_processes_in_turns"
    ),
    "vsrlib experiment output runs/output": ("experiments/test_costs_experiments.py::test_image_output_by_processes"),
    "vsrlib experiment memory runs/memory": (
        "experiments/test_costs_experiments.py::test_the_slope_leaves_out_what_importing_takes"
    ),
    "vsrlib experiment measurement runs/measurement --scenes CLIPS": (
        "experiments/test_measurement.py::test_the_experiment"
    ),
    "vsrlib ablate runs/ablation": "claims/test_ablation.py::test_the_command_writes_what_it_found",
    "vsrlib ablate runs/neighbours --weights-gaussian medium-gaussian --weights-realistic medium-realistic "
    "--device cpu": ("claims/test_ablation.py::test_the_command_writes_what_it_found"),
    "vsrlib experiment seeds runs/seeds --part 2 --scenes vid4 davis sam2 vimeo": (
        "experiments/test_seeds.py::test_networks_of_several_calls_are_those_of_one"
    ),
    "vsrlib ablate runs/ablation --device cpu --count 4 --scenes vid4 davis sam2 vimeo": (
        "claims/test_ablation.py::test_the_command_writes_what_it_found"
    ),
    "vsrlib parity OUTPUT": "parity/test_parity.py::test_the_two_networks_agree",
    "vsrlib parity OUTPUT --preset published --weights FILE --frames CLIPS --size 64x64 --steps 10": (
        "parity/test_parity.py::test_the_two_networks_agree"
    ),
    "vsrlib parity OUTPUT --preset study --weights study-gaussian --size 48x48 --steps 100 --starts 2": (
        "parity/test_parity.py::test_the_two_networks_agree"
    ),
    "vsrlib parity OUTPUT --preset published --size 64x64 --steps 3 --starts 2": (
        "parity/test_parity.py::test_the_two_networks_agree"
    ),
    "vsrlib parity OUTPUT --second paddle": (
        "parity/test_parity.py::test_paddlepaddle_is_judged_and_its_faults_are_found"
    ),
    "vsrlib parity-check OUTPUT --seed 1000": "parity/test_parity.py::test_every_fault_is_found_in_its_place",
    "vsrlib parity runs/parity --preset published --steps 10": "parity/test_parity.py::test_the_two_networks_agree",
    "vsrlib parity-check OUTPUT": (
        "parity/test_parity.py::test_every_fault_is_found_in_jittor_and_clean_runs_are_silent"
    ),
    "vsrlib flow-error WEIGHTS --middlebury FOLDER": (
        "training/test_flow_error.py::test_middlebury_is_measured_where_it_is_given"
    ),
    "vsrlib train-flow OUTPUT": "training/test_flow_error.py::test_the_commands",
    "vsrlib train-flow FLOW/small --align-corners --device cpu": "training/test_flow_error.py::test_the_commands",
    "vsrlib train-flow FLOW --weights FLOW/small/flow.safetensors --align-corners --device cpu --match-steps 0 "
    "--flow-steps 1200 --patch-size 128 --batch-size 4 --learning-rate 3e-4 --leaves 9": (
        "training/test_flow_error.py::test_the_commands"
    ),
    "vsrlib data fetch NAME": "data/test_data_fetch.py::test_the_command",
    "vsrlib publish figures figures": "study/test_publish.py::test_what_was_published_is_drawn_again",
    "vsrlib publish runs/quick figures --readme README.md --site SITE": (
        "report/test_readme.py::test_the_command_fills_all_documents"
    ),
    "vsrlib COMMAND --help": "cli/test_cli.py::test_every_command_explains_itself",
    "torchrun --nproc-per-node 4 -m vsrlib train ...": (
        "training/test_training_distributed.py::test_two_processes_take_the_steps_of_one"
    ),
    "papermill notebooks/04_infer_clips.ipynb out.ipynb -p framework jittor -p blur Gaussian": (
        "study/test_batch.py::test_the_command_of_the_readme"
    ),
    "vsrlib degrade HR SET --blur Defocus": "project/test_extending.py::test_a_degradation",
    "vsrlib train HR VALIDATION OUTPUT --blur Defocus": "project/test_extending.py::test_a_degradation",
    "vsrlib data check data/UDM10": "project/test_extending.py::test_a_data_set",
    "vsrlib data fetch udm10": "project/test_extending.py::test_a_data_set",
    "vsrlib degrade data/UDM10 SET": "project/test_extending.py::test_a_data_set",
    "python restore.py model FRAMES OUTPUT": (
        "restoration/test_infer_onnx.py::test_the_program_of_the_page_restores_without_this_project"
    ),
    "python -m porting.page": (
        "porting/test_porting.py::test_a_planted_answer_is_mended_and_a_row_in_the_wrong_table_refused"
    ),
}
"""Commands that another test runs, because they take minutes, a network, or files that are not here -> that test."""

NOT_RUN = {
    "papermill --help-notebook ": "prints the comments of a parameters cell; tests/study/test_notebooks.py reads them",
    "snakemake ": "tests/study/test_sweep.py runs the same Snakefile",
    "vsrlib experiment NAME ": "any of the experiments, each of which has its test",
    "ssh ": "another machine",
    "podman ": "an engine and a registry of images; tests/bare_machine.sh runs what Containerfile does",
    "pip wheel ": "tests/project/test_wheel.py makes it and installs it",
    "pipx run pip-audit": "a network",
    "git clone ": "a network",
    "python tests/helpers/shown_record.py ": "half an hour; tests/study/test_shown_record.py tests its parts",
    "python tests/reliability/": "hours; tests/reliability/short_checks.py has short forms of them",
    "source ": "a shell's",
    "conda activate ": "a shell's",
    "pre-commit install": "changes the user's git",
    "pytest ": "the tests themselves",
    "ruff ": "tests/project/test_style.py runs it",
    "python .ci/rooms.py ": "tests/project/test_rooms.py draws the same",
    "python .ci/licences.py ": "tests/project/test_licences.py calls it",
    "apt install": "changes the machine; CI installs the same g++",
    "pip install": "changes the environment; the versions are compared with the pinned ones instead",
    "pip uninstall": "changes the environment",
    "tensorboard --logdir ": "a server that runs until it is ended",
    "jupyter lab": "a server that runs until it is ended",
    "python -c 'import torch; print(torch.version.cuda)'": "plain Python of PyTorch",
    "wsl --install": "Windows",
    "explorer.exe ": "Windows",
    "git config core.autocrlf input": "changes the user's git",
    "export ": "a variable of the shell",
}
"""Beginnings of commands that no test can run -> why."""
