"""The command `vsrlib completion`: what a shell offers at the tabulator, made from the parsers of the commands."""

import argparse
from collections.abc import Iterator


def completion_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `vsrlib completion`."""
    parser.description = (
        "Print a script by which bash completes commands, their options, and the words that these take: "
        'eval "$(vsrlib completion)" in ~/.bashrc. In zsh: autoload -U bashcompinit && bashcompinit first.'
    )
    parser.set_defaults(run=run_completion)


def run_completion(options: argparse.Namespace) -> None:
    """Carry out `vsrlib completion`."""
    from vsrlib.cli import build_parser

    print(script(build_parser()), end="")


def script(parser: argparse.ArgumentParser) -> str:
    """The script for a program: the commands first, then the options of the one that is there, else files.

    Options are offered after a dash alone: without one, what is missing is a file mostly, or the value of an option.
    """
    commands = {" ".join(words): one for words, one in _commands(parser) if words}
    first = sorted({name.split(" ")[0] for name in commands})
    offered = "\n".join(
        f"    '{name}') options='{' '.join(_options(one))}' words='{' '.join(_within(one))}' ;;"
        for name, one in commands.items()
    )
    values = "\n".join(
        f"    '{name} {option}') words='{' '.join(choices)}' ;;"
        for name, one in commands.items()
        for option, choices in _choices(one)
    )
    return f"""_vsrlib() {{
  local words="" options="" command="${{COMP_WORDS[1]}}"
  local last="${{COMP_WORDS[COMP_CWORD - 1]}}" current="${{COMP_WORDS[COMP_CWORD]}}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='{" ".join(first)}' options='{" ".join(_options(parser))}'
  else
    case "$command" in {"|".join(name for name in first if any(one.startswith(f"{name} ") for one in commands))})
      [ "$COMP_CWORD" -gt 2 ] && command="$command ${{COMP_WORDS[2]}}" ;;
    esac
    case "$command" in
{offered}
    esac
    case "$command $last" in
{values}
    esac
  fi
  case "$current" in -*) words="$options" ;; esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o bashdefault -o default -F _vsrlib vsrlib
"""


def _commands(
    parser: argparse.ArgumentParser, before: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    yield before, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, one in action.choices.items():
                yield from _commands(one, (*before, name))


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """The long options of a command."""
    return [name for action in parser._actions for name in action.option_strings if name.startswith("--")]


def _within(parser: argparse.ArgumentParser) -> list[str]:
    """The commands in a command."""
    return [
        name for action in parser._actions if isinstance(action, argparse._SubParsersAction) for name in action.choices
    ]


def _choices(parser: argparse.ArgumentParser) -> Iterator[tuple[str, list[str]]]:
    """The options that take one of some words, and these."""
    for action in parser._actions:
        if action.choices and not isinstance(action, argparse._SubParsersAction):
            for option in action.option_strings:
                yield option, [str(choice) for choice in action.choices]
