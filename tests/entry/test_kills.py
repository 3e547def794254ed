"""Workers that end in the middle of their work."""

from dashboard.benchmarks import deliveries


def test_redis_ends_equal_to_the_store_though_the_worker_is_killed_in_the_middle_of_its_work(
    committed, redis
):
    figures = deliveries.kills(2, each=8, hurry=True)
    assert (figures["differing"], figures["too many"]) == (0, 0)
    assert figures["keys"] == 16
