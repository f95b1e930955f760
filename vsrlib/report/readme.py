"""What README.md, docs/choosing.md and the Chinese of both say of the last committed run, from claims.json."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vsrlib.claims.verdict import figure
from vsrlib.common.errors import UserError
from vsrlib.common.files import atomic_path
from vsrlib.common.numbers import markdown

BEGIN, END = "<!-- filled by `vsrlib publish` -->", "<!-- end of what is filled -->"

_OF_USE = {
    "quality": "C1a",
    "the clock of the earlier report": "C2",
    "time of a whole frame": "C3",
    "memory of a training": "C5b",
    "PyTorch without a compiler": "C7a",
    "Jittor without a compiler": "C7b",
    "the correlation without a compiler": "C8a",
}
"""What a reader chooses by -> the part of a claim whose figure says it."""
_FIRST = ("C1a", "C1b", "C2", "C5b")
"""Quality, speed and memory: what a README opens with."""
CHINESE = {
    "claims": {
        "C1": "在权重相同的情况下，由于数值精度，Jittor 的 PSNR 高 1.195 dB，SSIM 高 0.0430。",
        "C2": "Jittor 的前向计算速度是 PyTorch 的 6.6 倍。",
        "C3": "Jittor 每帧的总时间少 4 %。",
        "C4": "图像输出占总时间的 95 % 以上，计算不到 10 %。",
        "C5": "训练时 PyTorch 需要 8 GB，Jittor 需要 6 GB（少四分之一）；推理时两者都约为 2 GB。",
        "C6": "两个框架的模型文件都是 72 MB。",
        "C7": "Jittor 不需要编译器，装好即用；PyTorch 的相关层需要 CUDA 编译器。",
        "C8": "纯张量实现的相关层多花约 20 % 的时间，除此之外没有任何影响。",
        "C9": "两个实现除 API 名称外等价，训练结果也相同。",
        "C10": "就质量、速度和内存而言，应选 Jittor。",
    },
    "questions": {
        "C1a": "原因是精度吗？",
        "C1b": "1.195 dB 从何而来？",
        "C2": "计时是否在计算完成之前就停止？",
        "C3": "在 GPU 上？",
        "C4": "是图像输出吗？",
        "C5a": "PyTorch 需要 8 GB？",
        "C5b": "Jittor 少四分之一？",
        "C6": "是这样吗？",
        "C7a": "PyTorch 需要编译器吗？",
        "C7b": "Jittor 不需要编译器吗？",
        "C8a": "约 20 %？",
        "C8b": "没有其他影响？",
        "C9a": "输出相同？",
        "C9b": "训练相同？",
        "C10": "理由成立吗？",
    },
    "verdicts": {
        "confirmed": "成立",
        "refuted": "不成立",
        "mechanism shown": "已展示其成因",
        "cause unknown": "成因未知",
        "undecided": "尚无定论",
        "not testable here": "此处无法检验",
        "not testable with this software": "本软件无法检验",
        "not testable with one framework": "只用一个框架无法检验",
    },
    "units": {
        "dB": "dB",
        "MiB": "MiB",
        "GiB": "GiB",
        "times PyTorch's speed": "倍（与 PyTorch 的速度之比）",
        "% of Jittor's forward time unseen": "%（Jittor 前向时间中未被计入的部分）",
        "% of its post-processing": "%（占其后处理时间）",
        "% more time per frame": "%（每帧多花的时间）",
        "% of the flow's end-point error": "%（光流端点误差的变化）",
        "times PyTorch's memory for a sample more": "倍（每多一个样本，与 PyTorch 的内存之比）",
        "files compiled by Jittor": "个由 Jittor 编译的文件",
    },
    "over": {"scene": "个场景", "process": "个进程", "trained network": "个训练的网络"},
    "uses": {
        "quality": "质量",
        "speed of restoration, here": "在本机上的复原速度",
        "memory of a training, on the CPU": "在 CPU 上训练的内存",
        "a machine without a compiler": "没有编译器的机器",
        "a small installation": "安装体积小",
    },
    "choices": {"PyTorch": "PyTorch", "Jittor": "Jittor", "either": "两者皆可"},
    "reasons": {
        "with the same weights they differ by ": "权重相同时两者相差",
        "with the same weights Jittor minus PyTorch is ": "权重相同时 Jittor 减 PyTorch 为 ",
        " (Gaussian blur": "（高斯模糊",
        " (Realistic blur": "（真实模糊",
        "; ": "；",
        "Jittor's engine restores at ": "Jittor 引擎的复原速度是 PyTorch 的 ",
        " times PyTorch's speed": " 倍",
        "a sample more in a batch takes Jittor ": "批中每多一个样本，Jittor 所需的内存是 PyTorch 的 ",
        " times PyTorch's memory (": " 倍（",
        " to ": " 至 ",
        "less than ": "小于 ",
        " does not run there": " 在那里无法运行",
        "installed with what they need, before Jittor compiles its operations: ": (
            "连同所需软件包的安装体积（Jittor 编译算子之前）："
        ),
    },
    "measures": {
        "quality": "质量",
        "the clock of the earlier report": "先前报告的计时",
        "time of a whole frame": "每帧总时间",
        "memory of a training": "训练的内存",
        "PyTorch without a compiler": "没有编译器时的 PyTorch",
        "Jittor without a compiler": "没有编译器时的 Jittor",
        "the correlation without a compiler": "没有编译器时的相关运算",
    },
}
"""Words of claims.json -> what the Chinese pages say for them."""


def answer(claims: dict[str, Any], took: str = "") -> list[str]:
    """What the README opens with and its table of verdicts, from claims.json and a sentence on how long it took."""
    rows = [
        [one["id"], f"{one['claim']} *{one['question']}*", f"**{one['verdict']}**", figure(one)]
        for one in claims["claims"]
    ]
    uses = [f"- {one['use']}: **{one['choose']}**, because {one['because']}." for one in claims["by_use"]]
    first = claims["claims"][0]
    opening = [
        f"- *{one['claim'].rstrip('.')}.* {one['question']} **{one['verdict'].capitalize()}**"
        f"{'' if one['figure'] is None else f'; measured here: {figure(one)}'}. "
        f"{one['reason'][:1].upper()}{one['reason'][1:]}."
        for one in claims["claims"]
        if one["id"] in _FIRST
    ]
    lines = [
        markdown(["", "the earlier report's claim", "verdict", "this run"], rows),
        f"Measured with {first['profile']}, commit {_commit(first)}. {took}".rstrip(),
        *(["Which framework to choose:\n\n" + "\n".join(uses)] if uses else []),
    ]
    return [
        "\n".join(["**The answer.** What the earlier report claims, and what is true of it:\n", *opening]),
        "\n\n".join(lines),
    ]


def chinese(claims: dict[str, Any]) -> list[str]:
    """The same in simplified Chinese. Reasons, which hold figures of their own, are left to figures/claims.md."""
    rows = [
        [
            one["id"],
            f"{CHINESE['claims'][one['id'].rstrip('ab')]}*{CHINESE['questions'][one['id']]}*",
            f"**{CHINESE['verdicts'][one['verdict']]}**",
            _chinese_figure(one),
        ]
        for one in claims["claims"]
    ]
    first, page = claims["claims"][0], "[figures/claims.md](../figures/claims.md)"
    uses = [f"- {CHINESE['uses'][one['use']]}：**{CHINESE['choices'][one['choose']]}**" for one in claims["by_use"]]
    opening = [f"- {claim} {verdict}；本次测得：{shown}。" for name, claim, verdict, shown in rows if name in _FIRST]
    lines = [
        markdown(["", "先前报告的结论", "判定", "本次测得"], rows),
        f"{_chinese_source(first)}判定的规则与理由见 {page}。",
        *([f"选用哪个框架（理由见 {page}）：\n\n" + "\n".join(uses)] if uses else []),
    ]
    return ["\n".join(["**结论。** 先前报告的说法，以及实际情况：\n", *opening]), "\n\n".join(lines)]


def choosing(claims: dict[str, Any]) -> list[str]:
    """What the run says by use, and the figures that a choice rests on."""
    by_id = {one["id"]: one for one in claims["claims"]}
    uses = [[one["use"], f"**{one['choose']}**", one["because"]] for one in claims["by_use"]]
    rows = [[use, figure(by_id[name]), name, by_id[name]["verdict"]] for use, name in _OF_USE.items() if name in by_id]
    first = claims["claims"][0]
    lines = [
        markdown(["use", "choose", "because"], uses) if uses else "The committed run gives no advice by use.",
        markdown(["measured", "this run", "claim", "verdict"], rows),
        f"Measured with {first['profile']}, commit {_commit(first)}.",
    ]
    return ["\n\n".join(lines)]


def chinese_choosing(claims: dict[str, Any]) -> list[str]:
    """`choosing` in simplified Chinese, with the reasons of each advice."""
    by_id = {one["id"]: one for one in claims["claims"]}
    uses = [
        [CHINESE["uses"][one["use"]], f"**{CHINESE['choices'][one['choose']]}**", _chinese_reason(one["because"])]
        for one in claims["by_use"]
    ]
    rows = [
        [CHINESE["measures"][use], _chinese_figure(by_id[name]), name, CHINESE["verdicts"][by_id[name]["verdict"]]]
        for use, name in _OF_USE.items()
        if name in by_id
    ]
    lines = [
        markdown(["用途", "选用", "理由"], uses) if uses else "已提交的这次运行没有给出按用途的建议。",
        markdown(["测量的是", "本次测得", "结论", "判定"], rows),
        _chinese_source(claims["claims"][0]),
    ]
    return ["\n\n".join(lines)]


def _chinese_figure(one: dict[str, Any]) -> str:
    unit = one["unit"] and CHINESE["units"][one["unit"]]
    shown = figure({**one, "unit": unit, "n": None}).replace("less than", "小于")
    return shown + ("" if one["n"] is None else f"，{one['n']} {CHINESE['over'][one['over']]}")


def _chinese_reason(because: str) -> str:
    for words, chinese in CHINESE["reasons"].items():
        because = because.replace(words, chinese)
    for over, chinese in CHINESE["over"].items():
        because = re.sub(rf", (\d+) {over}(e?s)?\b", rf"，\1 {chinese}", because)
    return because.replace(")", "）").replace(", PyTorch", "，PyTorch").replace(", Jittor", "，Jittor")


def _chinese_source(claim: dict[str, Any]) -> str:
    return f"测量对象：`{claim['profile']}`，提交 {_commit(claim)}。"


FILLED: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "docs/README.zh-CN.md": chinese,
    "docs/choosing.md": choosing,
    "docs/choosing.zh-CN.md": chinese_choosing,
}
"""Documents beside a README that are filled with it -> what is put there, between one pair of marks after another."""


def fill(readme: Path, claims: dict[str, Any], took: str = "") -> None:
    """Put the verdicts between the marks of a README, and of the documents of FILLED that lie beside it.

    took: a sentence on how long the study took, where that is known.

    UserError, before anything is written, where one of them lacks the marks.
    """
    beside = {readme.parent / name: made(claims) for name, made in FILLED.items() if (readme.parent / name).exists()}
    pages = {path: _filled(path, words) for path, words in ({readme: answer(claims, took)} | beside).items()}
    for path, text in pages.items():
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _filled(page: Path, words: Sequence[str]) -> str:
    parts = re.split(f"({re.escape(BEGIN)}|{re.escape(END)})", page.read_text(encoding="utf-8"))
    if parts[1::2] != [BEGIN, END] * len(words):
        raise UserError(
            f"{page} must hold the lines {BEGIN} and {END}, between which the verdicts belong, "
            f"{'once' if len(words) == 1 else 'twice'}; put them back."
        )
    for number, text in enumerate(words):
        parts[4 * number + 2] = f"\n{text}\n"
    return "".join(parts)


def _commit(claim: dict[str, Any]) -> str:
    """The commits of the measuring, not of the judging."""
    return ", ".join(commit[:12] for commit in claim["provenance"]["comparison"]["commits"])
