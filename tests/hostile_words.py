"""Texts that are hard to split into sentences and words."""

from __future__ import annotations

from hypothesis import strategies as st

_ASCII = r"""
    Dr. Mr. a.m. p.m. U.S. No. vs. etc. e.g. approx. J. K. x. 1. 2.5 3,000 5, 5,a a,5 a:5 a: :
    :, ,, ,,, ... .. . .... ? ! ?! !!! so?! "so." ('so.') (so.) [so.] {so.} <so> so.> so.) so.]
    ) ]. ') ." .' '" '' '''' ' 's 't 'tis 'twas 'Tis d'ye more'n isn't ISN'T we'll I'm dogs'
    boys'. cannot can not gonna gotta wanna wanna. gimme lemme Cannot, re-cannot -- --- - -5 --a
    a--b x-ray ; @ # $5 % & * a*b ** `` ` ``` 1/2 5% T12 T12. the The he He xxxx. < > << >. a.b
    a.b. a. .a .5 5. 5.. 10. -5. 1.2. A. I. mm. cm. s&p. st. B. Stewart International 1. _ ___
    a_b. 'em. 'n' rock'n'roll o'clock ''a'' '.' ".". "." ('' (" [" {' a". a'. a''. '? "? ?" !'
    ;. :. ,. .; .: ., .- .-- .--a --. ). (. ].. ..) .). .)) *. @. .@ .* #. $. .& .% .a( (.a a.(
    a.{ a.[ .[ clear clear. lungs Heart
"""
_OTHER = [
    "«a»", "“so.”", "‘so’", "„a", "a”", "’", "’s", "–", "—", "―", "é", "É.", "ß", "İ", "ſ", "'ſ",
    "x'ſ", "a\u0301.", "²", "x².", "5²", "\x1c", "a\x1cb", ".\x1c", "\x1d", "\x00", "中.", "。",
    "٣.", ",٣", "\U00010d40", "a.\xa0B", "\u200b", "≥",
]  # fmt: skip
HOSTILE_WORDS = [*_ASCII.split(), *_OTHER]
_BLANKS = ["\n", "  ", "\t", " \n ", "\n\n", "\r\n", "\x0b", ""]
_ODD_BLANKS = ["\xa0", "\x1c", "\u2028", "\x85", "\u3000"]


def _joined(words: list[str], blanks: list[str]) -> st.SearchStrategy[str]:
    pieces = st.tuples(st.sampled_from(words), st.sampled_from(blanks)).map("".join)
    return st.lists(pieces, max_size=12).map("".join)


plain_texts = _joined(_ASCII.split(), [" "] * 20 + _BLANKS)
odd_texts = _joined(HOSTILE_WORDS + _OTHER * 2, [" "] * 10 + _BLANKS + _ODD_BLANKS)
characters = st.text(
    st.sampled_from("aB1.,:'\"()-?! \n")
    | st.characters(max_codepoint=0x2100, exclude_categories=["Cs"])
    | st.characters(exclude_categories=["Cs"]),
    max_size=30,
)
hostile_texts = plain_texts | odd_texts | characters
