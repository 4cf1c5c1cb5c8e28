"""Datadog's API client for Python, at an address of its own."""

import sys

from datadog_api_client import ApiClient, Configuration
from datadog_api_client.v1.api.authentication_api import AuthenticationApi
from datadog_api_client.v2.api.logs_api import LogsApi
from datadog_api_client.v2.model.content_encoding import ContentEncoding
from datadog_api_client.v2.model.http_log import HTTPLog
from datadog_api_client.v2.model.http_log_item import HTTPLogItem

url, service = sys.argv[1:]
protocol, _, name = url.partition("://")
configuration = Configuration(server_index=1, server_variables={"protocol": protocol, "name": name})
configuration.api_key["apiKeyAuth"] = "any"
with ApiClient(configuration) as client:
    assert AuthenticationApi(client).validate().valid
    items = [
        HTTPLogItem(ddsource="shop", ddtags="env:prod", hostname="web-1", message=f"order {n} late", service=service)
        for n in range(50)
    ]
    LogsApi(client).submit_log(body=HTTPLog(items), content_encoding=ContentEncoding.GZIP)
