"""A key's past, out of its present and the log."""

from keys.history.rewinding import DECIDING, rewound

NOW = {
    "expires": None,
    "rate": 10,
    "per": 1,
    "quota_max": -1,
    "quota_renewal_rate": 0,
    "apis": {"orders": ["Default"]},
    "policies": ["gold"],
    "suspended": True,
    "revoked": False,
    "alias": "Till",
}


def test_changes_are_taken_back_from_the_newest_on():
    changes = [
        {"suspended": [False, True], "alias": ["Shop", "Till"]},
        {"rate": [5, 10], "policies": [[], ["gold"]]},
        {"rate": [-1, 5]},
    ]
    was = {name: NOW[name] for name in DECIDING}
    assert rewound(NOW, []) == (was, True)
    assert rewound(NOW, changes) == (was | {"suspended": False, "rate": -1, "policies": []}, True)


def test_a_change_that_did_not_lead_to_what_was_found_is_told():
    found, whole = rewound(NOW, [{"rate": [5, 7]}])
    assert (found["rate"], whole) == (5, False)
