"""What apps above this one are told, inside the transaction of the change: a receiver that raises takes it back."""

from django.dispatch import Signal

# org_id, api_ids, what: "added" after the APIs' rows came, "removed" before they go. A receiver may answer a function,
# which is called after everything else that takes long: for what is done under locks for which everybody waits.
api_set_changed = Signal()
# org_id, api_id, before: callers of the API prove in another way now who they are than before.
authentication_changed = Signal()
# organisation: all its APIs are about to go. What stands on top of them goes first, and the feed, for which everybody
# waits, is locked last.
apis_departing = Signal()
