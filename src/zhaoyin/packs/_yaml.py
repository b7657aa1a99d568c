"""YAML with the line of every value, so that a refusal can say where."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from zhaoyin.base.errors import Refusal

M = TypeVar("M", bound=BaseModel)
Step = str | int
LIMIT = 8 << 20  # bytes; a pack file larger than this is not a pack file


@dataclass
class LinedFile:
    """One file's data, and the line (from 1) on which each value begins, by its path."""

    path: Path
    data: Any = None
    lines: dict[tuple[Step, ...], int] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, *, optional: bool = False) -> LinedFile:
        file = cls(path)
        if not path.is_file():
            if optional:
                return file
            raise file.refuse("pack_file_missing", (), "文件不在，补上它", "the file is missing; add it")
        if path.stat().st_size > LIMIT:
            raise file.refuse(
                "pack_too_large", (), "文件超过 8 MB，分开写", "the file is larger than 8 MB; split it"
            )
        try:
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            line = path.read_bytes()[: error.start].count(b"\n") + 1
            raise file.refuse(
                "pack_encoding",
                (),
                "不是 UTF-8 文字，另存为 UTF-8",
                "not UTF-8 text; save it as UTF-8",
                line=line,
            ) from error
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or "YAML"
            raise file.refuse(
                "pack_syntax",
                (),
                f"YAML 读不下去（{problem}）。看这一行的缩进、冒号和引号",
                f"the YAML cannot be read ({problem}). Look at the indentation, colons and quotes of this line",
                line=mark.line + 1 if mark else 1,
            ) from error
        if node is not None:
            file.data = file._value(node, ())
        return file

    def _value(self, node: yaml.Node, path: tuple[Step, ...]) -> Any:
        self.lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            found: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(key_node.value)
                if key in found:
                    raise self.refuse(
                        "pack_duplicate",
                        (),
                        f"“{key}”写了两次，留一个",
                        f"“{key}” stands twice; keep one",
                        line=key_node.start_mark.line + 1,
                    )
                found[key] = self._value(value_node, (*path, key))
                self.lines[(*path, key)] = key_node.start_mark.line + 1
            return found
        if isinstance(node, yaml.SequenceNode):
            return [self._value(child, (*path, at)) for at, child in enumerate(node.value)]
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_object(node)
        finally:
            loader.dispose()

    def line(self, path: tuple[Step, ...]) -> int:
        """The line of a path, or of the nearest thing around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def refuse(
        self, code: str, path: tuple[Step, ...], zh: str, en: str, *, line: int | None = None
    ) -> Refusal:
        at = line or self.line(path)
        name = f"{self.path.parent.name}/{self.path.name}"
        return Refusal(
            code, f"{name} 第 {at} 行：{zh}。", f"{name}, line {at}: {en}.", where=f"{self.path}:{at}"
        )

    def one(self, model: type[M]) -> M:
        return self._validate(model, self.data, ())

    def rows(self, model: type[M]) -> list[M]:
        """The file's list; an empty or absent file is an empty list."""
        if self.data is None:
            return []
        if not isinstance(self.data, list):
            raise self.refuse(
                "pack_value",
                (),
                "这里要一个列表，每行以“- ”开头",
                "a list is wanted here, each row beginning with “- ”",
            )
        return [self._validate(model, row, (at,)) for at, row in enumerate(self.data)]

    def _validate(self, model: type[M], value: Any, path: tuple[Step, ...]) -> M:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            first = error.errors()[0]
            loc = tuple(first["loc"])
            name = ".".join(str(step) for step in loc) or "?"
            if first["type"] == "missing":
                zh, en = f"缺“{name}”，补上", f"“{name}” is missing; add it"
            elif first["type"] == "extra_forbidden":
                zh, en = f"不认识“{name}”，改对或删去", f"“{name}” is not known here; correct or remove it"
            elif first["type"] == "literal_error":
                allowed = first["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
                zh = f"“{name}”写成“{first['input']}”，只能是 {allowed}"
                en = f"“{name}” is “{first['input']}”, but must be one of {allowed}"
            else:
                zh = f"“{name}”的值“{first['input']}”不合要求（{first['msg']}）"
                en = f"“{name}” has the value “{first['input']}”: {first['msg']}"
            raise self.refuse("pack_value", (*path, *loc), zh, en) from error
