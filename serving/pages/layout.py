"""What all pages share: the template environment, the navigation, and how a page becomes HTML in a language.

A page is one module with a pure function from data objects to HTML, and one template that extends `base.html`. A page
that has a place in the navigation is registered here, in `NAVIGATION`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from serving.translations import Translation, languages, translate

FOLDER = Path(__file__).parent
STYLE = FOLDER / "style.css"
SCRIPT = FOLDER / "workbench.js"


def N_(message: str) -> str:  # noqa: N802  (the name that gettext's tools know)
    """Return the message itself; babel reads it into the catalogue."""
    return message


# (key of the page, address, English text): the order of the navigation
NAVIGATION: tuple[tuple[str, str, str], ...] = (
    ("queue", "/", N_("Queue")),
    ("watch_list", "/watch_list", N_("Watch list")),
    ("worklist", "/worklist", N_("Worklist")),
    ("reports", "/reports", N_("Reports")),
    ("models", "/models", N_("Models")),
    ("policy", "/policy", N_("Policy")),
    ("practice", "/practice", N_("Practice")),
)
LANGUAGE_NAMES: Mapping[str, str] = {"en": "English", "zh": "中文"}


@dataclass(frozen=True, kw_only=True)
class Session:
    """Who looks at a page, and the token that its forms send back.

    subject : None in a keyless service, where a form asks for a name. is_checked : whether a key says who it is.
    """

    subject: str | None = None
    csrf: str = ""
    is_checked: bool = False


@dataclass(frozen=True, kw_only=True)
class Notice:
    """A message at the top of a page. kind: good, bad or warn."""

    kind: str
    head: str
    text: str = ""


def render(
    template: str, *, language: str, here: str, path: str, query: Mapping[str, str] | None = None,
    session: Session | None = None, message: Notice | None = None, **values: Any,
) -> str:  # fmt: skip
    """Return a page as HTML.

    template : file name in this folder. here : key of the page in NAVIGATION. path, query : the page's own address, for
    the links to its other languages. values : what the template asks for; a missing one raises UndefinedError.
    """
    t = translate(language)
    own = {k: v for k, v in (query or {}).items() if k != "language" and v != ""}
    others = [
        {"code": code, "name": LANGUAGE_NAMES.get(code, code), "href": f"{path}?{urlencode({**own, 'language': code})}"}
        for code in languages() if code != language
    ]  # fmt: skip
    nav = [{"key": key, "href": f"{href}?language={language}", "text": t.text(text)} for key, href, text in NAVIGATION]
    return _environment(language).get_template(template).render(
        t=t, nav=nav, here=here, other_languages=others, session=session, message=message, **values,
    )  # fmt: skip


@lru_cache(maxsize=8)
def _environment(language: str) -> Environment:
    t = translate(language)
    environment = Environment(
        loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, extensions=["jinja2.ext.i18n"], auto_reload=False,
    )  # fmt: skip
    environment.install_gettext_translations(t.texts, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= _filters(t)
    return environment


def _filters(t: Translation) -> dict[str, Any]:
    """The filters of the templates: how this language writes values."""
    return {
        "money": t.money, "share": t.share, "points": t.points, "number": t.number, "date": t.date, "signed": t.signed,
    }  # fmt: skip
