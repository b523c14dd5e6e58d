"""Pictures for the documentation, taken by the tests that see what they show."""

import pytest

from tests.browser.pictures import Pictures

OPTION = "--write-pictures"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(OPTION, action="store_true", help="write the pictures of docs/pictures/ anew")


@pytest.fixture
def pictures(request: pytest.FixtureRequest) -> Pictures:
    return Pictures(write=bool(request.config.getoption(OPTION, default=False)))
