"""What the demonstration consists of: organisations, people, APIs, endpoints, policies, keys. Data only, invented."""

from dataclasses import dataclass

from orgs.rights import ADMINISTRATOR

# Local hours 0 … 23, relative to a busy hour.
OFFICE_HOURS = (4, 3, 2, 2, 3, 6, 15, 38, 72, 96, 100, 94, 74, 84, 95, 92, 80, 58, 34, 22, 15, 11, 8, 6)
EVENINGS = (22, 12, 7, 5, 4, 6, 14, 26, 38, 46, 52, 58, 64, 60, 58, 60, 66, 74, 84, 94, 100, 92, 70, 42)


@dataclass(frozen=True)
class Endpoint:
    """`path` may hold one of {number}, {uuid}, {parcel}, {isbn}. `median` is the usual time in ms."""

    method: str
    path: str
    weight: int
    median: int


@dataclass(frozen=True)
class Api:
    name: str
    listen_path: str
    target_url: str
    endpoints: tuple[Endpoint, ...]
    keyless: bool = False
    active: bool = True


@dataclass(frozen=True)
class Caller:
    """A key. `apis` are names of APIs, none means all. A `limited` one often meets its limit. One with a policy opens
    its APIs by that."""

    alias: str
    agent: str
    country: str
    apis: tuple[str, ...] = ()
    limited: bool = False
    policy: str = ""


@dataclass(frozen=True)
class Policy:
    """`rate` requests a minute, `quota` a month of 30 days (-1: no end); `apis` are names."""

    name: str
    id: str
    apis: tuple[str, ...]
    rate: int
    quota: int = -1
    state: str = "active"
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Person:
    first_name: str
    last_name: str
    permissions: dict[str, str]


@dataclass(frozen=True)
class Organisation:
    """`share` is its part of all traffic; `hours` and `weekdays` (Monday first) its rhythm in its zone."""

    name: str
    slug: str
    zone: str
    share: float
    hours: tuple[int, ...]
    weekdays: tuple[int, ...]
    apis: tuple[Api, ...]
    policies: tuple[Policy, ...]
    callers: tuple[Caller, ...]
    people: tuple[Person, ...]


ANALYST = {"analytics": "read"}

SHIPMENTS = Api(
    "Shipments",
    "/shipments/",
    "http://shipments.tidewater.example/",
    (
        Endpoint("GET", "/{number}", 40, 38),
        Endpoint("GET", "/{number}/events", 24, 61),
        Endpoint("GET", "/", 14, 120),
        Endpoint("POST", "/", 12, 145),
        Endpoint("PUT", "/{number}/status", 7, 84),
        Endpoint("POST", "/{number}/labels", 3, 310),
    ),
)

TIDEWATER = Organisation(
    name="Tidewater Logistics",
    slug="tidewater",
    zone="Europe/Berlin",
    share=0.6,
    hours=OFFICE_HOURS,
    weekdays=(100, 104, 106, 103, 92, 30, 20),
    apis=(
        SHIPMENTS,
        Api(
            "Parcel tracking",
            "/tracking/",
            "http://tracking.tidewater.example/",
            (Endpoint("GET", "/parcels/{parcel}", 90, 22), Endpoint("GET", "/depots/{number}", 10, 31)),
            keyless=True,
        ),
        Api(
            "Rates",
            "/rates/",
            "http://rates.tidewater.example/",
            (
                Endpoint("POST", "/quotes", 70, 180),
                Endpoint("GET", "/quotes/{uuid}", 18, 28),
                Endpoint("GET", "/zones", 12, 9),
            ),
        ),
        Api(
            "Vehicles",
            "/vehicles/",
            "http://fleet.tidewater.example/v2/",
            (
                Endpoint("POST", "/{number}/positions", 80, 14),
                Endpoint("GET", "/{number}", 15, 19),
                Endpoint("GET", "/{number}/route", 5, 240),
            ),
        ),
        Api(
            "Customs",
            "/customs/",
            "http://customs.tidewater.example/",
            (
                Endpoint("POST", "/declarations", 35, 620),
                Endpoint("GET", "/declarations/{uuid}", 50, 75),
                Endpoint("GET", "/tariff-codes/{number}", 15, 17),
            ),
        ),
        Api(
            "Returns",
            "/returns/",
            "http://returns.tidewater.example/",
            (Endpoint("POST", "/", 100, 130),),
            active=False,
        ),
    ),
    policies=(
        Policy("Partner", "partner", ("Shipments", "Rates"), 500, 5_000_000, tags=("partners",)),
        Policy("Partner on trial", "partner-trial", ("Shipments", "Rates"), 20, tags=("partners", "trial")),
        Policy("Customs broker", "customs-broker", ("Customs", "Rates"), 300, state="draft"),
        Policy("Contract ended", "contract-ended", ("Shipments",), 20, state="deny", tags=("partners",)),
    ),
    callers=(
        Caller("warehouse-north", "tidewater-wms/4.11", "DE"),
        Caller("web-shop-kramer", "okhttp/4.12.0", "DE", ("Shipments", "Rates"), policy="Partner"),
        Caller("driver-app", "Dart/3.4 (dart:io)", "DE", ("Shipments", "Vehicles")),
        Caller(
            "partner-lindqvist",
            "python-requests/2.32.3",
            "SE",
            ("Shipments", "Rates"),
            limited=True,
            policy="Partner on trial",
        ),
        Caller("telematics", "fleetlink/1.9", "PL", ("Vehicles",)),
        Caller("broker-vandenberg", "Java/17.0.11", "NL", ("Customs", "Rates")),
        Caller("marketplace-sync", "axios/1.7.7", "FR", ("Shipments",)),
        Caller("invoicing", "tidewater-billing/2.3", "DE"),
        Caller("partner-moreau", "GuzzleHttp/7", "FR", ("Shipments", "Rates"), policy="Partner"),
        Caller("port-office", "curl/8.9.1", "DE", ("Customs",)),
        Caller("partner-nowak", "Go-http-client/1.1", "PL", ("Rates",), limited=True),
        Caller("reporting-nightly", "python-requests/2.32.3", "DE"),
    ),
    people=(
        Person("Helene", "Brandt", ADMINISTRATOR),
        Person("Jonas", "Petersen", ANALYST),
    ),
)

COPPERFIELD = Organisation(
    name="Copperfield Books",
    slug="copperfield",
    zone="America/New_York",
    share=0.4,
    hours=EVENINGS,
    weekdays=(88, 86, 90, 94, 100, 124, 130),
    apis=(
        Api(
            "Catalogue",
            "/catalogue/",
            "http://catalogue.copperfield.example/",
            (
                Endpoint("GET", "/books/{isbn}", 58, 24),
                Endpoint("GET", "/search", 30, 140),
                Endpoint("GET", "/authors/{number}", 12, 33),
            ),
            keyless=True,
        ),
        Api(
            "Orders",
            "/orders/",
            "http://orders.copperfield.example/",
            (
                Endpoint("GET", "/{uuid}", 46, 44),
                Endpoint("POST", "/", 34, 260),
                Endpoint("POST", "/{uuid}/payments", 16, 540),
                Endpoint("DELETE", "/{uuid}", 4, 95),
            ),
        ),
        Api(
            "Recommendations",
            "/recommendations/",
            "http://suggest.copperfield.example/",
            (Endpoint("GET", "/readers/{number}", 75, 88), Endpoint("GET", "/books/{isbn}/similar", 25, 105)),
        ),
        Api(
            "Readers",
            "/readers/",
            "http://readers.copperfield.example/",
            (
                Endpoint("GET", "/{number}", 60, 18),
                Endpoint("GET", "/{number}/shelves", 28, 52),
                Endpoint("PATCH", "/{number}", 12, 70),
            ),
        ),
    ),
    policies=(Policy("Till", "till", ("Orders",), 500, tags=("shops",)),),
    callers=(
        Caller("shop-front", "copperfield-web/8.0", "US"),
        Caller("ios-app", "Copperfield/5.2 CFNetwork/1498", "US"),
        Caller("android-app", "okhttp/4.12.0", "US"),
        Caller("newsletter", "python-requests/2.32.3", "US", ("Recommendations", "Readers"), limited=True),
        Caller("till-boston", "copperfield-till/3.1", "US", ("Orders",), policy="Till"),
        Caller("till-portland", "copperfield-till/3.1", "US", ("Orders",), policy="Till"),
        Caller("partner-inkwell", "axios/1.7.7", "CA", ("Orders", "Recommendations")),
        Caller("publisher-feed", "Java/21.0.4", "GB", ("Recommendations",)),
        Caller("support-desk", "Mozilla/5.0 (X11; Linux x86_64)", "US", ("Orders", "Readers")),
        Caller("partner-papyrus", "Go-http-client/2.0", "IE", ("Readers",)),
    ),
    people=(
        Person("Amara", "Okafor", ADMINISTRATOR),
        Person("Daniel", "Reyes", ANALYST),
    ),
)

ORGANISATIONS = (TIDEWATER, COPPERFIELD)

# Visitors of an API without keys come from anywhere.
VISITOR_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X)",
    "Mozilla/5.0 (Linux; Android 15)",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)",
    "curl/8.9.1",
)
VISITOR_COUNTRIES = ("DE", "US", "GB", "FR", "NL", "PL", "CA", "SE")
