"""Coverage-guided fuzzing of reading mail, by atheris: `python tests/connectors/fuzz_mail.py -runs=100000 [FOLDER]`.

Options are libFuzzer's. Without a folder to begin with and to keep finds in, it begins with the mails of `mails.py`. The
exit code is 77 where a mail is not read to something sound. `test_mail_fuzzing.py` runs it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / part) for part in ("dsl", "runtime", "connectors", "tests")]

with atheris.instrument_imports(include=["duly_connectors.mail"]):
    from duly_connectors.mail.reading import read_mail

from connectors.mails import ALL  # noqa: E402
from connectors.sound import sound  # noqa: E402


def one(data: bytes) -> None:
    sound(read_mail(data, "mx.desk.example"))


def main() -> None:
    arguments = sys.argv
    with tempfile.TemporaryDirectory() as folder:
        if all(argument.startswith("-") for argument in sys.argv[1:]):
            for number, mail in enumerate(ALL.values()):
                Path(folder, str(number)).write_bytes(mail)
            arguments = [*sys.argv, folder]
        atheris.Setup(arguments, one)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
