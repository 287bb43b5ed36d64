"""`odh-oci infer NAME FILE`: arrays in, arrays out, for models of any kind."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from odh_oci_widgets.cli.adding import add_command, add_service_options, chosen_service
from odh_oci_widgets.cli.array_input import read_array_file
from odh_oci_widgets.cli.output import Output

if TYPE_CHECKING:
    from odh_oci_widgets.inference.tensors import Array

_EXAMPLES = """\
  odh-oci infer iris rows.csv                      # a table of numbers, one row a line
  odh-oci infer detector inputs.npz --save out.npz # arrays by the names of the inputs
  echo '[[5.1, 3.5, 1.4, 0.2]]' | odh-oci infer iris - --json
  echo '{"x": [[1, 2]], "y": [[3]]}' | odh-oci infer two-inputs -
--json: {"outputs": {NAME: {"datatype", "shape", "data"}}}
"""


def add(commands: Any, everywhere: argparse.ArgumentParser) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        everywhere,
        "infer",
        run,
        help="give arrays or rows of a table to a model, and get its outputs",
        examples=_EXAMPLES,
    )
    add_service_options(parser)
    parser.add_argument(
        "file", metavar="FILE", help=".npy, .npz, .json or .csv; `-` reads JSON from standard input"
    )
    parser.add_argument("--save", metavar="FILE.npz", help="keep the outputs, by name")


def run(options: argparse.Namespace, output: Output) -> None:
    """Print the outputs: as JSON, or what they are in a few numbers."""
    from odh_oci_widgets.inference import summarise

    outputs = chosen_service(options).infer(read_array_file(options.file))
    if options.save:
        _save(Path(options.save), outputs)
    summaries = summarise(outputs)
    output.document(
        {
            "outputs": {
                one.name: {
                    "datatype": one.datatype,
                    "shape": one.shape,
                    "data": _plain(outputs[one.name].tolist()),
                }
                for one in summaries
            }
        }
    )
    output.table(
        ("OUTPUT", "DATATYPE", "SHAPE", "LOWEST", "HIGHEST", "MEAN"),
        [
            (one.name, one.datatype, list(one.shape), _short(one.low), _short(one.high), _short(one.mean))
            for one in summaries
        ],
    )
    for one in summaries:
        if outputs[one.name].size <= _FEW:
            output.say(f"\n{one.name}:\n{outputs[one.name]}")


#: Values that are printed one by one; of larger outputs people see the numbers above, and --json has all.
_FEW = 200


def _save(path: Path, outputs: dict[str, Array]) -> None:
    import numpy as np

    with path.open("wb") as file:
        np.savez(file, **outputs)  # type: ignore[arg-type] # names of outputs are no options of savez


def _short(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def _plain(value: Any) -> Any:
    """Bytes as text, also inside lists."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value.decode(errors="replace") if isinstance(value, bytes) else value
