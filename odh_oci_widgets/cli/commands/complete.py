"""`odh-oci complete NAME PROMPT` and `odh-oci chat NAME PROMPT`: text from a language model."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from odh_oci_widgets.cli.adding import add_command, add_service_options, chosen_service
from odh_oci_widgets.cli.numbers import human_time, positive
from odh_oci_widgets.cli.output import Output

if TYPE_CHECKING:
    from odh_oci_widgets.inference import Completion, TextStream

_COMPLETE_EXAMPLES = """\
  odh-oci complete granite "The capital of France is"
  odh-oci complete granite "Write a haiku about tar files." --stream
  odh-oci complete granite "1 + 1 =" --max-tokens 5 --temperature 0 --stop "\\n" --json
"""
_CHAT_EXAMPLES = """\
  odh-oci chat granite "What is a tar file?" --stream
  odh-oci chat granite "What is a tar file?" --system "Answer in one sentence." --json
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the commands."""
    parser = add_command(
        commands,
        everywhere,
        "complete",
        complete,
        help="let a language model continue a text",
        examples=_COMPLETE_EXAMPLES,
    )
    _add_options(parser)
    parser = add_command(
        commands,
        everywhere,
        "chat",
        chat,
        help="ask a language model that has a chat template",
        examples=_CHAT_EXAMPLES,
    )
    _add_options(parser)
    parser.add_argument("--system", metavar="TEXT", help="how the model shall behave")


def _add_options(parser: argparse.ArgumentParser) -> None:
    add_service_options(parser)
    parser.add_argument("prompt", metavar="PROMPT", help="the text")
    parser.add_argument(
        "--stream",
        action="store_true",
        help="print the text as it comes (with --json: a line for each piece)",
    )
    group = parser.add_argument_group("sampling")
    group.add_argument("--max-tokens", type=positive, default=200, metavar="N", help="default: %(default)s")
    group.add_argument("--temperature", type=float, default=0.8, metavar="T", help="default: %(default)s")
    group.add_argument("--top-p", type=float, metavar="P", help="likeliest tokens, up to this share (0 to 1)")
    group.add_argument(
        "--stop", action="append", metavar="TEXT", help="end before this text (repeatable; \\n is a new line)"
    )
    group.add_argument("--seed", type=int, metavar="N", help="the same seed gives the same text, mostly")


def complete(options: argparse.Namespace, output: Output) -> None:
    """Print the text that continues the prompt."""
    service = chosen_service(options)
    if options.stream:
        _pour(service.stream(options.prompt, **_sampling(options)), output)
    else:
        _print(service.complete(options.prompt, **_sampling(options)), output)


def chat(options: argparse.Namespace, output: Output) -> None:
    """Print the answer."""
    service = chosen_service(options)
    if options.stream:
        turns = [{"role": "user", "content": options.prompt}]
        _pour(service.stream(turns, system=options.system, **_sampling(options)), output)
    else:
        _print(service.chat(options.prompt, system=options.system, **_sampling(options)), output)


def _sampling(options: argparse.Namespace) -> dict[str, Any]:
    stop = [text.replace("\\n", "\n") for text in options.stop or ()]
    return {
        "max_tokens": options.max_tokens,
        "temperature": options.temperature,
        "top_p": options.top_p,
        "stop": stop or None,
        "seed": options.seed,
    }


def _print(completion: Completion, output: Output) -> None:
    output.document(asdict(completion))
    output.say(completion.text)


def _pour(stream: TextStream, output: Output) -> None:
    """The text as it comes; Ctrl-C ends it, at the server too."""
    try:
        for piece in stream:
            output.document({"piece": piece})
            output.write(piece)
    except KeyboardInterrupt:
        stream.cancel()
        raise
    finally:
        output.say()
    result = stream.result
    output.document(asdict(result))
    words = [f"{result.completion_tokens} tokens"] if result.completion_tokens is not None else []
    if result.first_token_seconds is not None:
        words.append(f"first after {human_time(result.first_token_seconds)}")
    if result.tokens_per_second is not None:
        words.append(f"{result.tokens_per_second:.1f} tokens/s")
    if words and not output.json:
        output.note(f"[{', '.join(words)}]")
