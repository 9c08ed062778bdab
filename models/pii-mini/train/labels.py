"""The label set and its BIOES tags. Names are those of the product's entity labels."""

LABELS = [
    "PERSON", "LOCATION", "ADDRESS", "ORGANIZATION", "DATE", "PHONE", "EMAIL", "URL", "USERNAME",
    "IP_ADDRESS", "CREDIT_CARD", "IBAN", "ACCOUNT_NUMBER", "ID_NUMBER", "SECRET", "AGE", "TITLE", "NATIONALITY",
]
TAGS = ["O"] + [f"{p}-{label}" for label in LABELS for p in "BIES"]
TAG_ID = {tag: i for i, tag in enumerate(TAGS)}
IGNORE = -100
"""Target of a token without a gold tag: no loss."""


def bioes(n_tokens: int, spans: list[tuple[int, int, str]]) -> list[int]:
    """Tag ids of `n_tokens` tokens given token spans (first, one past last, label)."""
    tags = [0] * n_tokens
    for first, end, label in spans:
        base = 1 + 4 * LABELS.index(label)
        if end - first == 1:
            tags[first] = base + 3
        else:
            tags[first], tags[end - 1] = base, base + 2
            for i in range(first + 1, end - 1):
                tags[i] = base + 1
    return tags


def allowed(a: int, b: int) -> bool:
    """May tag `b` follow tag `a` in BIOES?"""
    if a == 0 or (a - 1) % 4 >= 2:  # O, E, S close
        return b == 0 or (b - 1) % 4 in (0, 3)
    return b != 0 and (a - 1) // 4 == (b - 1) // 4 and (b - 1) % 4 in (1, 2)


def bias_vector(settings: list[str]) -> list[float]:
    """Additions to each tag's logit from settings such as "O=-1" or "ORGANIZATION=0.5" (all four tags of the label)."""
    bias = [0.0] * len(TAGS)
    for setting in settings:
        name, _, value = setting.partition("=")
        if name != "O" and name not in LABELS:
            raise SystemExit(f"no label {name}")
        for i, tag in enumerate(TAGS):
            if tag == name or tag[2:] == name:
                bias[i] += float(value)
    return bias
