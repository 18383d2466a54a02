"""Write every generated page; `python -m scripts.reference`."""

from __future__ import annotations

from scripts.reference.pages import ROOT, pages


def main() -> None:
    """Write the pages whose text has changed, and say which."""
    for path, text in pages().items():
        target = ROOT / path
        if not target.is_file() or target.read_text("utf-8") != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, "utf-8")
            print(path)


if __name__ == "__main__":
    main()
