"""The page on which an organisation takes over the files of a gateway: an archive, what would become of it, the deed.

Between review and confirmation the archive is nowhere but in the page, whose sender could send another just as well:
what he confirms is judged like what he first sent, and against what he saw.
"""

from pathlib import PurePosixPath

from django.contrib import messages
from django.db import transaction
from django.shortcuts import redirect, render

from apis.definitions.pointer import Problem
from apis.files import archive, definitions
from apis.files.reading import File, NotReadable, documents
from keys.files import adoption, policies
from keys.files.forms import ArchiveForm, carried
from orgs.access import access
from orgs.http.refusals import status_of

# They are tried and stored while the page is waited for, some 10 ms each.
MOST_AT_ONCE = 250
_NO_RIGHT = Problem(
    "", "You may not write policies. Ask an administrator of your organisation for the right."
)


@access("session", "apis", methods="GET POST", form=True, files=True)
def gateway_files(request, org):
    # A form that was sent empty was sent too.
    form = ArchiveForm(request.POST, request.FILES) if request.method == "POST" else ArchiveForm()
    context = {"section": "apis", "form": form}
    if form.is_valid():
        try:
            wanted = _wanted(archive.files(form.cleaned_data["content"]), request.user)
        except NotReadable as error:
            form.add_error("archive", str(error))
        else:
            return _answer(request, form, wanted)
    return render(request, "keys/files/upload.html", context, status=status_of(form))


def _answer(request, form, wanted):
    """The review; or, where it was seen as it is, its doing."""
    said = form.cleaned_data
    flags = {name: said[name] for name in ("replace", "skip_refused")}
    with transaction.atomic():
        report = adoption.adopt(request.org.id, wanted, author=request.user, review=not said["seen"], **flags)
        seen, loss = adoption.digest(report), report.loss
        meant = loss is None or loss.removed == said["removed"]
        done = report.stored and seen == said["seen"] and meant
        if not done:
            transaction.set_rollback(True)
    if done:
        messages.success(request, f"{report.made} APIs and policies are taken over.")
        return redirect("api-list", request.org.slug)
    again = ArchiveForm(initial={"carried": carried(said["content"]), "seen": seen, **flags})
    context = {
        "section": "apis",
        "form": again,
        "report": report,
        # What has to be looked at comes first.
        "results": sorted(report.results, key=lambda result: result.outcome != adoption.REFUSED),
        "loss": loss,
        "untyped": seen == said["seen"] and not meant,
        "changed": bool(said["seen"]) and seen != said["seen"],
        "others_named": [id for id in report.org_ids if id != request.org.id],
    }
    return render(request, "keys/files/review.html", context)


def _wanted(files: list[File], user) -> adoption.Wanted:
    """What the files of an archive hold. Raises NotReadable."""
    records, directory, rest = [], [], []
    read = documents(files)
    # Each entry of a list becomes one of these. More than are taken anyhow are not judged.
    _refuse_more(sum(bool(file.pointer) for file in read))
    for file in read:
        path = PurePosixPath(file.name)
        if file.pointer:
            into = rest
        elif path.name == "policies.json":
            into = records
        else:
            into = directory if "policies" in path.parts[:-1] else rest
        into.append(file)
    exported, rest = policies.exported(rest)
    apis, others = definitions.found(rest)
    found, more = policies.one_each(directory)
    in_records = [each for file in records for each in policies.in_one(file)]
    found = policies.each_alone([*in_records, *found, *exported])
    if not user.may("policies", "write"):
        found = [policy._replace(problems=(_NO_RIGHT,)) for policy in found]
    _refuse_more(len(apis) + len(found))
    return adoption.Wanted(apis, found, others + more)


def _refuse_more(number: int) -> None:
    if number > MOST_AT_ONCE:
        raise NotReadable(
            f"must not hold more than {MOST_AT_ONCE} APIs and policies; there are {number:,}. "
            "Send several archives, the APIs first."
        )
