"""The code of a call, for people to take along: Python of this package, the `openai` client, `curl`.

A token is read from the environment variable TOKEN and stands in no code.
"""

from __future__ import annotations

import json
import keyword
import shlex
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from textwrap import indent
from typing import Any

from .generation import Prompt, Sampling, request, turns

TOKEN = "TOKEN"  # noqa: S105 - the name of a variable


class Style(StrEnum):
    """In which words a call is shown.

    >>> from odh_oci_widgets.inference import Style
    >>> [style.value for style in Style]
    ['python', 'openai', 'curl']
    """

    PYTHON = "python"
    OPENAI = "openai"
    CURL = "curl"


def text_code(
    style: Style | str,
    *,
    name: str,
    url: str,
    prompt: Prompt,
    sampling: Sampling | None = None,
    system: str | None = None,
    stream: bool = False,
    token: bool = False,
) -> str:
    """The code of a completion (`prompt` a text), or of a chat (turns, or with `system`).

    >>> print(text_code("python", name="granite", url="http://h", prompt="Hi", sampling=Sampling(temperature=0)))
    from odh_oci_widgets import service
    <BLANKLINE>
    granite = service("granite")
    print(granite.complete("Hi", max_tokens=200, temperature=0).text)
    """
    sampling = sampling or Sampling()
    if style == Style.PYTHON:
        turned = not isinstance(prompt, str)
        chat = system is not None or turned
        arguments = ["messages" if turned else _literal(prompt)]
        if system is not None:
            arguments.append(f"system={_literal(system)}")
        arguments += [f"{key}={_literal(value)}" for key, value in sampling.fields().items()]
        variable, called = _variable(name), ", ".join(arguments)
        head = f"from odh_oci_widgets import service\n\n{variable} = service({_literal(name)})\n"
        if turned:
            head += f"messages = {_literal(prompt)}\n"
        if stream:
            return f'{head}for piece in {variable}.stream({called}):\n    print(piece, end="")'
        return f"{head}print({variable}.{'chat' if chat else 'complete'}({called}).text)"
    if system is not None or not isinstance(prompt, str):
        prompt = turns(prompt, system)
    path, body = request(name, prompt, sampling, stream=stream)
    if style == Style.CURL:
        return _curl(
            url + path, token, f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}", stream=stream
        )
    return _openai(url, path, body, token=token, stream=stream)


def classification_code(
    style: Style | str,
    *,
    name: str,
    url: str,
    picture: str | Sequence[str],
    top: int = 5,
    labels: str | None = None,
    preprocessing: str | Callable[..., Any] = "auto",
    token: bool = False,
) -> str:
    """The code of a classification of one picture or several; `curl` sends the first.

    With `curl`, a line of this package's Python prepares the body; a function of one's own it cannot call.

    >>> from odh_oci_widgets.inference import classification_code
    >>> code = classification_code("python", name="mobilenet", url="https://m.example", picture="pelican.jpeg")
    >>> "mobilenet.classify" in code
    True
    """
    pictures = [picture] if isinstance(picture, str) else list(picture)
    if style == Style.PYTHON:
        several = len(pictures) > 1
        arguments = [_literal(pictures if several else pictures[0]), f"top={top}"]
        if labels:
            arguments.append(f"labels={_literal(labels)}")
        if callable(preprocessing):
            arguments.append(f"preprocessing={getattr(preprocessing, '__name__', 'function')}")
        elif preprocessing != "auto":
            arguments.append(f"preprocessing={_literal(preprocessing)}")
        variable = _variable(name)
        called = f"{variable}.classify({', '.join(arguments)})"
        shown = 'print(f"{best.probability:7.2%}  {best.label}")'
        loop = (
            f"for answer in {called}:\n    for best in answer:\n        {shown}\n    print()"
            if several
            else f"for best in {called}[0]:\n    {shown}"
        )
        return f"from odh_oci_widgets import service\n\n{variable} = service({_literal(name)})\n{loop}"
    if style != Style.CURL or callable(preprocessing):
        raise ValueError("only curl does it besides, and curl does not classify with a function")
    script = (
        "import sys; from odh_oci_widgets.inference.classification import request_json; "
        "print(request_json(sys.stdin.read(), *sys.argv[1:]))"
    )
    metadata = f"{url}/v2/models/{name}"
    described = (
        "curl -sSf " + (f'-H "Authorization: Bearer ${TOKEN}" ' if token else "") + shlex.quote(metadata)
    )
    prepare = f"python -c {shlex.quote(script)} {shlex.quote(pictures[0])} {shlex.quote(preprocessing)} > request.json"
    return f"{described} | {prepare}\n" + _curl(f"{metadata}/infer", token, "--data-binary @request.json")


def tensor_code(
    style: Style | str,
    *,
    name: str,
    url: str,
    file: str,
    body: str = "",
    token: bool = False,
) -> str:
    """The code of a call with arrays from a file (`read_arrays` knows which); with `curl`, `body` is its JSON.

    >>> from odh_oci_widgets.inference import tensor_code
    >>> code = tensor_code("python", name="iris", url="https://iris.example", file="rows.csv")
    >>> "iris.infer" in code
    True
    """
    if style == Style.PYTHON:
        variable = _variable(name)
        return (
            "from pathlib import Path\n\nfrom odh_oci_widgets import service\n"
            "from odh_oci_widgets.inference import read_arrays, summarise\n\n"
            f"{variable} = service({_literal(name)})\nfile = {_literal(file)}\n"
            f"outputs = {variable}.infer(read_arrays(file, Path(file).read_bytes()))\n"
            "for output in summarise(outputs):\n    print(output)"
        )
    if style != Style.CURL:
        raise ValueError("the openai client sends no arrays")
    data = f"-d {shlex.quote(body)}" if body else "--data-binary @request.json"
    return _curl(f"{url}/v2/models/{name}/infer", token, data)


def _curl(url: str, token: bool, data: str, *, stream: bool = False) -> str:
    lines = [f"curl -sS{'N' if stream else ''} {shlex.quote(url)}", '-H "Content-Type: application/json"']
    if token:
        lines.append(f'-H "Authorization: Bearer ${TOKEN}"')
    return " \\\n  ".join([*lines, data])


def _openai(url: str, path: str, body: dict[str, Any], *, token: bool, stream: bool) -> str:
    chat = path.endswith("chat/completions")
    arguments = indent("".join(f"{key}={_literal(value)},\n" for key, value in body.items()), "    ")
    key = f'os.environ["{TOKEN}"]' if token else '"none"'
    head = "import os\n\n" if token else ""
    lines = [
        f"{head}from openai import OpenAI\n",
        f"client = OpenAI(base_url={_literal(url + '/v1')}, api_key={key})",
        f"answer = client.{'chat.completions' if chat else 'completions'}.create(\n{arguments})",
    ]
    if stream:
        piece = "choice.delta.content or ''" if chat else "choice.text"
        lines += [
            "for chunk in answer:",
            "    for choice in chunk.choices:",
            f'        print({piece}, end="")',
        ]
    else:
        lines.append(f"print(answer.choices[0].{'message.content' if chat else 'text'})")
    return "\n".join(lines)


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, (list, tuple)) and all(isinstance(item, Mapping) for item in value):
        lines = "".join(
            f"    {{{', '.join(f'{_literal(k)}: {_literal(v)}' for k, v in item.items())}}},\n"
            for item in value
        )
        return f"[\n{lines}]"
    return repr(value)


def _variable(name: str) -> str:
    variable = name.replace("-", "_")
    taken = keyword.iskeyword(variable) or variable in {
        "service",
        "print",
        "piece",
        "best",
        "answer",
        "file",
        "outputs",
    }
    return "model" if taken else variable
