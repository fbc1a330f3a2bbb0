"""Templates: what they may use, whose comes first, and how each way to fail is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from irrgate.errors import RenderError
from irrgate.platforms.platform import PrintedList
from irrgate.prefixes import Afi
from irrgate.render import Renderer, shipped_templates

LISTS = [PrintedList("IRR-AS64500-V4", Afi.IPV4, "ip", [(10, "permit", "10.0.0.0/8", None, 24)])]


def own(directory: Path, text: str | bytes, platform: str = "eos") -> Renderer:
    """Return a renderer over a workspace that has its own template for the platform."""
    path = directory / platform / "prefix_filters.j2"
    path.parent.mkdir()
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Renderer(directory)


@pytest.mark.parametrize("platform", ["eos", "junos"])
def test_the_same_lists_give_the_same_bytes(platform: str) -> None:
    texts = {Renderer().render(platform, LISTS) for _ in range(3)}
    assert len(texts) == 1
    assert "10.0.0.0/8" in texts.pop()


def test_a_template_of_the_workspace_comes_before_the_shipped_one(tmp_path: Path) -> None:
    renderer = own(tmp_path, "{{ lists[0].name }}: mine\n")
    assert renderer.render("eos", LISTS) == "IRR-AS64500-V4: mine\n"


def test_a_workspace_overrides_single_templates(tmp_path: Path) -> None:
    renderer = own(tmp_path, "mine\n")
    assert renderer.render("junos", LISTS) == Renderer().render("junos", LISTS)


def test_a_workspace_may_add_to_the_shipped_template(tmp_path: Path) -> None:
    """Under another name it can be included; its own name is the workspace's."""
    renderer = own(tmp_path, "! mine\n{% include 'junos/prefix_filters.j2' %}")
    assert renderer.render("eos", LISTS) == "! mine\n" + Renderer().render("junos", LISTS)


@pytest.mark.parametrize(
    "text",
    [
        "{{ nowhere }}",
        "{% for each in nowhere %}{% endfor %}",
        "{% if nowhere %}{% endif %}",
        "{{ lists[0].nowhere }}",
        "{{ lists[0].nowhere.further }}",
    ],
)
def test_an_unknown_name_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(RenderError, match=r"eos/prefix_filters\.j2: .*nowhere"):
        own(tmp_path, text).render("eos", LISTS)


def test_a_syntax_error_has_its_file_and_line(tmp_path: Path) -> None:
    with pytest.raises(RenderError) as raised:
        own(tmp_path, "one\n{% for each in lists %}\n").render("eos", LISTS)
    assert raised.value.subject == f"{tmp_path}/eos/prefix_filters.j2:2"
    assert "syntax error" in raised.value.reason


def test_a_platform_without_template() -> None:
    with pytest.raises(RenderError, match=r"vyos/prefix_filters\.j2: the template is missing"):
        Renderer().render("vyos", LISTS)


def test_the_missing_one_of_two_templates_is_named(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"^eos/mine\.j2: the template is missing"):
        own(tmp_path, "{% include 'eos/mine.j2' %}").render("eos", LISTS)


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ lists[0].__class__.__init__.__globals__ }}",
        "{{ lists.append(1) }}",
        "{{ lists[0].lines.clear() }}",
        "{{ (lists[0].name ~ '{0.__class__}').format(lists) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self.__init__ }}",
        "{% for n in range(10 ** 9) %}x{% endfor %}",
    ],
)
def test_a_template_reaches_nothing_but_what_it_is_given(tmp_path: Path, text: str) -> None:
    before = list(LISTS[0].lines)
    with pytest.raises(RenderError, match=r"eos/prefix_filters\.j2"):
        own(tmp_path, text).render("eos", LISTS)
    assert LISTS[0].lines == before
    assert len(LISTS) == 1


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "eos/../../secret"])
def test_a_template_reads_no_file_outside_of_its_folders(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_text("secret")
    templates = tmp_path / "templates"
    templates.mkdir()
    with pytest.raises(RenderError, match="missing"):
        own(templates, f"{{% include {path!r} %}}").render("eos", LISTS)


@pytest.mark.parametrize("text", ["{{ [1, 2, 3] | random }}", "{{ lipsum() }}"])
def test_a_template_has_no_randomness(tmp_path: Path, text: str) -> None:
    with pytest.raises(RenderError, match=r"random|lipsum"):
        own(tmp_path, text).render("eos", LISTS)


@pytest.mark.parametrize(
    "text",
    [
        "{{ 1 // 0 }}",
        "{{ lists + 1 }}",
        "{{ {}['x' ~ 1] | dictsort }}",
        "{{ lists[0].lines[5] }}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{{ lists | sort }}{{ [1, 'x'] | sort }}",
        "{{ ''.join(5) }}",
        b"\xff\xfe\x00",
    ],
)
def test_whatever_a_template_raises_is_told_as_its_fault(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(RenderError, match=r"prefix_filters\.j2") as raised:
        own(tmp_path, text).render("eos", LISTS)
    assert raised.value.reason.split(": ", 1)[1]


def test_a_folder_in_a_templates_place(tmp_path: Path) -> None:
    (tmp_path / "eos" / "prefix_filters.j2").mkdir(parents=True)
    # Jinja takes files only: the shipped one serves.
    assert Renderer(tmp_path).render("eos", LISTS) == Renderer().render("eos", LISTS)


def test_shipped_templates_are_found_whatever_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert (shipped_templates() / "eos" / "prefix_filters.j2").is_file()
