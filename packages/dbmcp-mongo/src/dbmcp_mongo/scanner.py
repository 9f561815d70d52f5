"""The text of a query: where we are in it, its words, strings and comments, and errors with their place."""

from __future__ import annotations

import re
from typing import NoReturn

from dbmcp_core.statement import RefusalCode

__all__ = ["ReadError", "Scanner"]

_SPACE = re.compile(r"(?:[\s\ufeff]|//[^\n\r\u2028\u2029]*|/\*(?:[^*]|\*(?!/))*+\*/)++")
_WORD = re.compile(r"[^\W\d][\w$]*|\$[\w$]*")
_PLAIN = re.compile(r"[^\\'\"`\n\r]++")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "\n": "", "\r": ""}
_HEX = re.compile(r"x(?P<x>[0-9a-fA-F]{2})|u(?P<u>[0-9a-fA-F]{4})|u\{(?P<b>[0-9a-fA-F]{1,6})\}")


class ReadError(Exception):
    """A text that can't be read: why, where (line and column, from 1), and what would be clear."""

    def __init__(
        self,
        message: str,
        line: int | None = None,
        column: int | None = None,
        *,
        code: RefusalCode = RefusalCode.UNPARSABLE,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column
        self.code = code


class Scanner:
    """A position in a text. Every step is linear in what it passes."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def fail(self, message: str, at: int | None = None, *, code: RefusalCode = RefusalCode.UNPARSABLE) -> NoReturn:
        """Raise the error *message* for the place *at*; where the scanner stands if that is left out."""
        at = self.at if at is None else at
        line = self.text.count("\n", 0, at) + 1
        raise ReadError(message, line, at - self.text.rfind("\n", 0, at), code=code)

    def peek(self) -> str:
        """Return the next character behind spaces and comments, empty at the end."""
        match = _SPACE.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        if self.text.startswith("/*", self.at):
            self.fail("A comment has no end")
        return self.text[self.at : self.at + 1]

    def take(self, character: str) -> bool:
        """Pass *character* if it comes next."""
        if self.peek() != character:
            return False
        self.at += 1
        return True

    def expect(self, character: str, where: str) -> None:
        """Pass *character*, which has to come next."""
        if not self.take(character):
            self.fail(f"Expected {character!r} {where}, not {self.found()}")

    def found(self) -> str:
        """Return what comes next, for an error."""
        character = self.peek()
        if not character:
            return "the end of the text"
        match = _WORD.match(self.text, self.at)
        return repr(match[0][:40] if match else character)

    def word(self) -> str | None:
        """Pass and return a name, if one comes next."""
        self.peek()
        match = _WORD.match(self.text, self.at)
        if match is None:
            return None
        self.at = match.end()
        return match[0]

    def string(self) -> str:
        """Pass and return a text in single, double or backward quotes."""
        start, quote = self.at, self.text[self.at]
        self.at += 1
        parts: list[str] = []
        while True:
            plain = _PLAIN.match(self.text, self.at)
            if plain is not None:
                parts.append(plain[0])
                self.at = plain.end()
            character = self.text[self.at : self.at + 1]
            if not character or (character in "\n\r" and quote != "`"):
                self.fail("A string has no end", start)
            self.at += 1
            if character == quote:
                break
            parts.append(self._escape() if character == "\\" else character)
        text = "".join(parts)
        if quote == "`" and "${" in text:
            self.fail("A template with ${…} is not evaluated; write the value itself", start)
        return _joined(text)

    def _escape(self) -> str:
        match = _HEX.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
            number = int(match["x"] or match["u"] or match["b"], 16)
            if number > 0x10FFFF:
                self.fail("There is no such character")
            return chr(number)
        character = self.text[self.at : self.at + 1]
        if character in ("x", "u") or (character.isdigit() and character != "0"):
            self.fail("This escape can't be read")
        self.at += 1
        return "\0" if character == "0" else _ESCAPES.get(character, character)


def _joined(text: str) -> str:
    """Return *text* with pairs of surrogates, as JSON writes them, made one character."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
