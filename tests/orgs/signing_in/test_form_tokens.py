from orgs.signing_in import form_tokens

TOKEN = "0123456789abcdef" * 2


def test_a_form_keeps_its_token_and_what_is_none_is_replaced():
    assert form_tokens.of({"form_token": TOKEN}) == TOKEN
    odd = [
        "",
        TOKEN[1:],
        f"{TOKEN}0",
        TOKEN.upper(),
        f"{TOKEN}\n",
        "g" * 32,
        "\N{ARABIC-INDIC DIGIT ONE}" * 32,
    ]
    made = [form_tokens.of({"form_token": text}) for text in odd] + [form_tokens.of({})]
    assert len({*made, *odd}) == len(made) + len(odd)
    assert [form_tokens.of({"form_token": token}) for token in made] == made
