"""Body templates: Go's text/template in base64, of which a gateway searches what a request's template printed for
references to its secrets. So what a caller sends is kept from becoming one, where it is printed.
"""

import base64
import re

from apis.definitions.rules.targets import ends_in_reference

# One action, as Go's lexer sees it: texts and comments in it may hold braces.
_ACTION = re.compile(
    r"\{\{(?P<left>-(?=\s))?(?P<inside>\s*/\*.*?\*/\s*|(?:\"(?:\\.|[^\"\\\n])*\"|`[^`]*`|'(?:\\.|[^'\\\n])*'|[^\"'`}]|\}(?!\}))*?)"
    r"(?P<right>(?<=\s)-)?\}\}",
    re.DOTALL,
)
_TEXT = re.compile(r"/\*.*?\*/|\"(?:\\.|[^\"\\])*\"|`[^`]*`|'(?:\\.|[^'\\])*'", re.DOTALL)
_PRINTS_NOTHING = re.compile(
    r"\s*(?:/\*|(?:if|else|end|range|with|template|block|define|break|continue)\b|\$\w*\s*:?=(?!=))"
)
# Each value that is printed gets a blank behind a "$" that begins a reference, or could with what follows.
_GUARD = r"`\$(secret_|(?:s(?:e(?:c(?:r(?:e(?:t)?)?)?)?)?)?$)`"
_COSTLY = re.compile(
    r"\b(?:getHostByName|gen[A-Z]\w*|bcrypt|htpasswd|derivePassword|repeat|until|untilStep|seq|rand\w*|indent|nindent"
    r"|wrap\w*|buildCustomCert|encryptAES|decryptAES)\b"
)


def decoded(text: str) -> str | None:
    """The text of a base64 blob as a gateway decodes it, or None where it does not."""
    try:
        raw = base64.b64decode(re.sub(r"[\r\n]", "", text), validate=True)
    except ValueError:
        return None
    return raw.decode("utf-8", "replace")


def fault(text: str) -> str | None:
    """What is wrong with a decoded template of somebody who is no super-user, or None."""
    actions = list(_ACTION.finditer(text))
    if len(actions) != text.count("{{") - sum(action[0].count("{{") - 1 for action in actions):
        return "has an action {{…}} that cannot be read"
    for action in actions:
        if not _closes_what_it_opens(action["inside"]):
            return "has an action {{…}} with unbalanced brackets"
        if costly := _COSTLY.search(action["inside"]):
            return f"must not use {costly[0]}"
        before = text[: action.start()]
        if _PRINTS_NOTHING.match(action["inside"]) and ends_in_reference(before.rstrip()):
            return "must not have an action behind $"
    return None


def _closes_what_it_opens(inside: str) -> bool:
    """Whether brackets outside texts are balanced; else an action could end the guard that is put round it."""
    depth = 0
    for bracket in re.findall(r"[()]", _TEXT.sub("", inside)):
        depth += 1 if bracket == "(" else -1
        if depth < 0:
            return False
    return depth == 0


def guarded(blob: str) -> str:
    """A request's template (base64) in which no printed value completes a reference to a secret."""
    text = decoded(blob)
    if text is None:
        return blob
    made, end = "", 0
    for action in _ACTION.finditer(text):
        literal = text[end : action.start()]
        end = action.end()
        if _PRINTS_NOTHING.match(action["inside"]):
            made += literal + action[0]
            continue
        literal = literal.rstrip() if action["left"] else literal
        begun = ends_in_reference(literal)
        right = " -}}" if action["right"] else "}}"
        printed = f"(printf `{begun}%v` ({action['inside'].strip()}))"
        made += literal.removesuffix(begun) + "{{regexReplaceAll " + f"{_GUARD} {printed} `$$ ${{1}}`" + right
    return base64.b64encode((made + text[end:]).encode()).decode()
