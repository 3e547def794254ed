"""What people do on the pages of APIs, in more than one step."""


def reviewed(client, address):
    """The body that publishes what a page of a review shows."""
    page = client.get(address)
    sent = {"reviewed": [each.reviewed for each in page.context["reviews"]]}
    if loss := page.context["loss"]:
        sent["removed"] = loss.removed
    return sent | {"message": page.context["form"]["message"].value()}


def confirmed(client, page):
    """The answer to a new API that is published after what its page says of it."""
    form = page.context["form"]
    sent = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in sent.items() if value is not None}
    address = f"/o/{page.wsgi_request.org.slug}/apis/new/"
    as_json = "?as=json" if page.context["as_json"] else ""
    return client.post(f"{address}{as_json}", sent | {"warned": page.context["told"].digest}, follow=True)


def published(client, address, sent):
    """The answer to an edit that is sent, reviewed and published; to the edit if there is no review."""
    answer = client.post(address, sent)
    if "/review/" not in answer.headers.get("Location", ""):
        return answer
    return client.post(answer.url.partition("?")[0], reviewed(client, answer.url))
