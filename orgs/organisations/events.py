"""What apps above this one are told, inside the transaction of the change: a receiver that raises takes it back."""

from django.dispatch import Signal

# organisation: the Organisation, in its scope, about to be marked as deleted. Whoever owns something takes it out of
# service.
organisation_departing = Signal()

# organisation: the Organisation, whose `cname` was switched on or is another. actor: the User, None for the Admin API
# and the command line.
domain_named = Signal()
