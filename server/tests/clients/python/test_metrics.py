"""Prometheus's own Python client reads what the server shows."""

import unittest
from typing import ClassVar

import requests
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from authgate import START_SECONDS, Authgate

TOKEN = "a token that monitoring has"


class Metrics(unittest.TestCase):
    server: ClassVar[Authgate]

    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Authgate(METRICS_ENABLED="true", METRICS_TOKEN=TOKEN)
        cls.addClassCleanup(cls.server.stop)

    def scrape(self) -> dict[str, Metric]:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        response = requests.get(f"{self.server.issuer}/metrics", headers=headers, timeout=START_SECONDS)
        response.raise_for_status()
        self.assertEqual(response.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        return {family.name: family for family in text_string_to_metric_families(response.text)}

    def test_every_family_has_help_a_type_and_a_name_of_its_own(self) -> None:
        families = self.scrape()
        self.assertGreater(len(families), 40)
        for name, family in families.items():
            with self.subTest(name):
                self.assertIn(family.type, {"counter", "gauge", "histogram"})
                self.assertTrue(family.documentation)
                self.assertTrue(family.samples)
                self.assertTrue(all(sample.value >= 0 for sample in family.samples))

    def test_a_counter_follows_what_happens(self) -> None:
        answer = requests.post(
            f"{self.server.issuer}/oauth/device/code", data={"client_id": "nobody"}, timeout=START_SECONDS
        )
        self.assertEqual(answer.status_code, 401)
        families = self.scrape()
        errors = [s.value for s in families["oauth_device_codes"].samples if s.labels == {"result": "error"}]
        self.assertEqual(errors, [1.0])
        asked = {"method": "POST", "path": "/oauth/device/code", "status": "401"}
        self.assertIn(asked, [sample.labels for sample in families["http_requests"].samples])

    def test_buckets_of_a_histogram_grow_to_its_count(self) -> None:
        self.scrape()
        samples = self.scrape()["http_request_duration_seconds"].samples
        for path in {sample.labels["path"] for sample in samples}:
            of_path = [sample for sample in samples if sample.labels["path"] == path]
            methods = {sample.labels["method"] for sample in of_path}
            for method in methods:
                series = [sample for sample in of_path if sample.labels["method"] == method]
                buckets = [sample.value for sample in series if sample.name.endswith("_bucket")]
                count = next(sample.value for sample in series if sample.name.endswith("_count"))
                self.assertEqual((buckets, buckets[-1]), (sorted(buckets), count))

    def test_the_process_is_the_one_that_was_started(self) -> None:
        families = self.scrape()
        only = {name: family.samples[0].value for name, family in families.items() if name.startswith("process_")}
        self.assertGreater(only["process_resident_memory_bytes"], 1e6)
        self.assertGreater(only["process_open_fds"], 3)
        self.assertGreater(only["process_start_time_seconds"], 1e9)


if __name__ == "__main__":
    unittest.main()
