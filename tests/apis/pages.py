"""What people do on the pages of APIs, in more than one step."""


def reviewed(client, address):
    """The body that publishes what a page of a review shows."""
    page = client.get(address)
    sent = {"reviewed": [each.reviewed for each in page.context["reviews"]]}
    if loss := page.context["loss"]:
        sent["removed"] = loss.removed
    return sent | {"message": page.context["form"]["message"].value()}


def published(client, address, sent):
    """The answer to an edit that is sent, reviewed and published; to the edit if there is no review."""
    answer = client.post(address, sent)
    if "/review/" not in answer.headers.get("Location", ""):
        return answer
    return client.post(answer.url.partition("?")[0], reviewed(client, answer.url))
