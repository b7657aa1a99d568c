"""YAML with places: every value knows its file and line; anchors, aliases, tags and bombs are refused."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

from zhaoyin.base.errors import Refusal

MAX_BYTES = 2_000_000
MAX_NODES = 100_000
MAX_DEPTH = 24
_START = yaml.Mark("", 0, 0, 0, "", 0)
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Node:
    """A scalar, list or mapping of a policy file with its place (line and column count from 1)."""

    __slots__ = ("column", "file", "keys", "line", "plain", "value")

    def __init__(
        self,
        value: str | list[Node] | dict[str, Node],
        file: str,
        line: int,
        column: int,
        *,
        plain: bool = True,
        keys: dict[str, Node] | None = None,
    ) -> None:
        self.value, self.file, self.line, self.column, self.plain = value, file, line, column, plain
        self.keys = keys or {}

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    def refuse(self, code: str, zh: str, en: str) -> NoReturn:
        raise Refusal(
            "policy." + code,
            f"{self.file} 第 {self.line} 行：{zh}",
            f"{self.file}, line {self.line}: {en}",
            where=self.place,
        )

    @property
    def is_map(self) -> bool:
        return isinstance(self.value, dict)

    @property
    def is_list(self) -> bool:
        return isinstance(self.value, list)

    @property
    def is_null(self) -> bool:
        return isinstance(self.value, str) and self.plain and self.value in ("", "~", "null")

    def map(self, allowed: Iterable[str] | None = None, *, of: str = "") -> dict[str, Node]:
        """The mapping; a key outside ``allowed`` is refused with the nearest allowed key."""
        if not isinstance(self.value, dict):
            self.refuse(
                "shape",
                f"{of or '这里'}应是“键: 值”的形式。",
                f"{of or 'this'} must be a mapping of key: value.",
            )
        if allowed is not None:
            known = list(allowed)
            for key, node in self.value.items():
                if key not in known:
                    near = difflib.get_close_matches(key, known, 1, 0.5)
                    hint_zh = f"是不是 {near[0]}？" if near else f"可用的有 {'、'.join(known)}。"
                    hint_en = f"Did you mean {near[0]}?" if near else f"Allowed: {', '.join(known)}."
                    self.keys.get(key, node).refuse(
                        "key", f"不认识的键“{key}”。{hint_zh}", f"unknown key “{key}”. {hint_en}"
                    )
        return self.value

    def members(self, *, of: str = "") -> list[Node]:
        if not isinstance(self.value, list):
            self.refuse("shape", f"{of or '这里'}应是列表。", f"{of or 'this'} must be a list.")
        return self.value

    def text(self, *, of: str = "") -> str:
        if not isinstance(self.value, str) or self.is_null:
            self.refuse(
                "shape",
                f"{of or '这里'}应是一个值，不能为空。",
                f"{of or 'this'} must be one value, not empty.",
            )
        return self.value.strip()

    def get(self, key: str) -> Node | None:
        if not isinstance(self.value, dict):
            return None
        found = self.value.get(key)
        return None if found is None or found.is_null else found

    def need(self, key: str, *, of: str = "") -> Node:
        found = self.get(key)
        if found is None:
            self.refuse("missing", f"{of}缺少“{key}”。", f"{of or 'this'} lacks “{key}”.")
        return found

    def one_of(self, choices: Iterable[str]) -> str:
        value, known = self.text(), list(choices)
        if value not in known:
            near = difflib.get_close_matches(value, known, 1, 0.5)
            self.refuse(
                "choice",
                f"“{value}”不可用。" + (f"是不是 {near[0]}？" if near else f"可用的有 {'、'.join(known)}。"),
                f"“{value}” is not allowed. "
                + (f"Did you mean {near[0]}?" if near else f"Allowed: {', '.join(known)}."),
            )
        return value

    def boolean(self) -> bool:
        value = self.text()
        if value in ("true", "True", "是", "yes"):
            return True
        if value in ("false", "False", "否", "no"):
            return False
        self.refuse(
            "boolean", f"“{value}”应写 true 或 false（是、否）。", f"“{value}” must be true or false."
        )

    def integer(self) -> int:
        value = self.text().replace("_", "").replace(",", "")
        if not value.lstrip("-").isdigit() or len(value) > 18:
            self.refuse("integer", f"“{value}”应是整数。", f"“{value}” must be a whole number.")
        return int(value)

    def date(self) -> dt.date:
        value = self.text()
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            self.refuse(
                "date",
                f"“{value}”不是日期。写成 2026-11-22。",
                f"“{value}” is not a date. Write it like 2026-11-22.",
            )

    def texts(self) -> list[str]:
        """One text or a list of texts."""
        return [item.text() for item in self.members()] if self.is_list else [self.text()]

    def items(self) -> Iterator[Node]:
        """The members of a list, or the value itself when it is not a list."""
        if isinstance(self.value, list):
            yield from self.value
        else:
            yield self


def read(path: Path, name: str | None = None) -> Node:
    """The document in a YAML file, with places named by ``name`` (default: the file's name)."""
    name = name or path.name
    try:
        if path.stat().st_size > MAX_BYTES:
            raise Refusal(
                "policy.size",
                f"{name} 超过 2 MB。拆成几个文件。",
                f"{name} is over 2 MB. Split it.",
                where=name,
            )
        content = path.read_bytes()
    except OSError as error:
        raise Refusal(
            "policy.file",
            f"读不到 {name}（{error.strerror}）。检查路径。",
            f"Cannot read {name} ({error.strerror}). Check the path.",
            where=name,
        ) from None
    return parse(content, name)


def parse(content: bytes | str, name: str) -> Node:
    """The document in YAML text. Refuses anchors, aliases, tags, duplicate keys, undue depth or size."""
    if isinstance(content, bytes):
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = bytes(error.object[: error.start]).count(b"\n") + 1
            raise Refusal(
                "policy.encoding",
                f"{name} 第 {line} 行：不是 UTF-8 文字。另存为 UTF-8。",
                f"{name}, line {line}: not UTF-8 text. Save it as UTF-8.",
                where=f"{name}:{line}",
            ) from None
    else:
        text = content
    try:
        return _build(text, name)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "unreadable"
        raise Refusal(
            "policy.yaml",
            f"{name} 第 {line} 行：YAML 写法有误（{problem}）。检查缩进、冒号和引号。",
            f"{name}, line {line}: YAML is malformed ({problem}). Check indents, colons and quotes.",
            where=f"{name}:{line}",
        ) from None


def _build(text: str, name: str) -> Node:
    stack: list[tuple[Node, Node | None]] = []  # open collections, each with its pending key
    root: Node | None = None
    count = documents = 0

    def put(node: Node) -> None:
        nonlocal root
        if not stack:
            root = node
            return
        holder, key = stack[-1]
        if isinstance(holder.value, list):
            holder.value.append(node)
        elif key is None:
            if not isinstance(node.value, str):
                node.refuse("key", "键必须是文字。", "a key must be a text.")
            if isinstance(holder.value, dict) and node.value in holder.value:
                node.refuse(
                    "duplicate",
                    f"键“{node.value}”写了两次。删去一个。",
                    f"key “{node.value}” is written twice. Remove one.",
                )
            stack[-1] = (holder, node)
        elif isinstance(holder.value, dict) and isinstance(key.value, str):
            holder.value[key.value] = node
            holder.keys[key.value] = key
            stack[-1] = (holder, None)

    events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                Node("", name, 1 + (event.start_mark or _START).line, 1).refuse(
                    "documents",
                    "一个文件只能有一份文档，去掉“---”。",
                    "one file holds one document; remove “---”.",
                )
        if not isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            continue
        mark = event.start_mark or _START
        here = Node("", name, mark.line + 1, mark.column + 1)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            here.refuse(
                "alias",
                "政策文件不许用锚点和别名（& *）。把内容写全。",
                "anchors and aliases (& *) are refused. Write it out.",
            )
        if isinstance(event, yaml.CollectionEndEvent):
            node, _ = stack.pop()
            put(node)
            continue
        tag = getattr(event, "tag", None)
        if tag and tag != "!":
            here.refuse("tag", f"不许用标签 {tag}。", f"the tag {tag} is refused.")
        count += 1
        if count > MAX_NODES or len(stack) > MAX_DEPTH:
            here.refuse(
                "size", "文件太大或嵌套太深。拆开写。", "the file is too large or nested too deep. Split it."
            )
        if isinstance(event, yaml.ScalarEvent):
            put(Node(event.value, name, here.line, here.column, plain=not event.style))
        elif isinstance(event, yaml.SequenceStartEvent):
            stack.append((Node([], name, here.line, here.column), None))
        else:
            stack.append((Node({}, name, here.line, here.column), None))
    if root is None:
        Node("", name, 1, 1).refuse("empty", "文件是空的。", "the file is empty.")
    return root
