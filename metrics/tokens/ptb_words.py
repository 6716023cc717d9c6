"""Words that Penn Treebank style tokenisation treats by name, observed one by one.

Every string of two to four letters was put before ``. lung`` and ``. 5`` and the tokens of
Stanford's ``PTBTokenizer`` (CoreNLP 3.4.1) were looked at; longer ones were tried by hand.
"""

# ruff: noqa: SIM905 -- word lists are read, and mended, as words

from __future__ import annotations

ABBREVIATIONS = frozenset(
    """
    adj adm adv al ala alex apr ariz assn assoc asst atty attys aug ave bancorp bhd bldg
    blvd brig bros calif capt cf cie cmdr co col colo comdr conn corp cos cpl ct dak dec
    dept det dr drs ed.d elec ens esq est etc ext feb fla fri ft ga gen gov govs hon inc ind
    insp intl invt jan jos jr jul jun kan kans ky lieut lt ltd maj mar md messrs mfg mich
    minn mlle mme mo mon mont mr mrs ms msgr mt mtg natl neb nev nov oct okla penn pfc ph
    ph.d plc ppte ppty pres prof profs pte ptes pty ptys pvt rd rep reps rev rt sen sens sep
    sept seq sfc sgt spc sq sr st ste supt supts sys tel tenn thu thurs treas tue tues univ
    va vs vt wed wis wisc wm wyo
    """.split()
)
"""Keep their full stop wherever they stand."""

CAPITALISED_ABBREVIATIONS = frozenset("ark az del ill la mass miss ore pa tex wash".split())
"""Keep their full stop if they begin with a capital: they are words otherwise."""

BEFORE_NUMBERS = frozenset("art ca fig figs no nos op pp prop".split())
"""Keep their full stop before a number."""

SENTENCE_STARTERS = frozenset(
    """
    a about according additionally after an as at but earlier he her here however if in it last many
    more now once one other our she since so some such that the their then there these they this we
    what when while yet you
    """.split()
)
"""With a capital, they begin a sentence: a single letter before them loses its full stop."""

SPLIT_WORDS = {
    "cannot": 3,
    "gonna": 3,
    "gotta": 3,
    "wanna": 3,
    "gimme": 3,
    "lemme": 3,
}
"""Are two tokens; the number of letters of the first."""

# Marks that belong to words: of all Unicode marks of today, those that did not part "ab" and "cd".
MARKS = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1-\u05c2\u05c4-\u05c5\u05c7"
    "\u0615-\u061a\u064b-\u065e\u0670\u06d6-\u06dc\u06df-\u06e8\u06ea-\u06ed\u0711-\u074a"
    "\u07a6-\u07b0\u07eb-\u07f3\u0900-\u0903\u093c-\u094e\u0951-\u0955\u0962-\u0963"
    "\u0981-\u0983\u09bc-\u09c4\u09c7-\u09c8\u09cb-\u09cd\u09d7\u09e2-\u09e3\u0a01-\u0a03"
    "\u0a3c\u0a3e-\u0a42\u0a47-\u0a48\u0a4b-\u0a4d\u0a81-\u0a83\u0abc-\u0ac5\u0ac7-\u0ac9"
    "\u0acb-\u0acd\u0b82\u0bbe-\u0bc2\u0bc6-\u0bc8\u0bca-\u0bcd\u0c01-\u0c03\u0c3e-\u0c44"
    "\u0c46-\u0c48\u0c4a-\u0c4d\u0c55-\u0c56\u0d3e-\u0d44\u0d46-\u0d48\u0e31-\u0e3a"
    "\u0e47-\u0e4e\u0eb1-\u0ebc\u0ec8-\u0ecd\u1885-\u1886"
)
"""The inside of a character class."""
