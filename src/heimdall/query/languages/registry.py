"""Every language a question may be asked in, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from heimdall.errors import InvalidInput
from heimdall.query.languages import hql
from heimdall.query.languages.esdsl.translation import translate as translate_esdsl
from heimdall.query.languages.kql import parse as parse_kql
from heimdall.query.languages.logsql import parse as parse_logsql
from heimdall.query.languages.lucene.parser import translate as parse_lucene
from heimdall.query.languages.ppl import parse as parse_ppl
from heimdall.query.languages.spl import parse as parse_spl
from heimdall.query.languages.sql import parse as parse_sql
from heimdall.query.languages.translation import Translation


def _hql(text: str) -> Translation:
    query = hql.parse(text)
    return Translation("hql", query, hql.to_text(query))


def _logql(text: str) -> Translation:
    from heimdall.query.logql.translation import translate as translate_logql  # noqa: PLC0415  (it asks the service)

    return translate_logql(text)


LANGUAGES: Mapping[str, Callable[[str], Translation]] = {
    "esdsl": translate_esdsl,
    "hql": _hql,
    "kql": parse_kql,
    "logql": _logql,
    "logsql": parse_logsql,
    "lucene": parse_lucene,
    "ppl": parse_ppl,
    "spl": parse_spl,
    "sql": parse_sql,
}


def translate(text: str, language: str) -> Translation:
    """A text of a language as HQL.

    Raises:
        InvalidInput: there is no such language.
        QuerySyntaxError: the text is none of that language.
    """
    read = LANGUAGES.get(language.lower())
    if read is None:
        raise InvalidInput(f"there is no language '{language[:40]}'; there are {', '.join(LANGUAGES)}")
    return read(text)


def as_hql(text: str, language: str) -> str:
    """HQL that asks the same, every word of it.

    Raises:
        QuerySyntaxError: a word cannot be translated.
    """
    if language == "hql":
        return text
    found = translate(text, language)
    found.complete()
    return found.hql or "*"
