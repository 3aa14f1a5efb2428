"""Answers out of a stream of bytes, and what a client reports of its connections."""

import contextlib
import io
import json
import socket
import time
import unittest
from typing import Any
from unittest import mock

from labkit import steady
from labkit.steady import Answers, Client, Coming, Staying

_ANSWER = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Length: 3\r\n\r\nabc"


class AnswersTest(unittest.TestCase):
    def test_answers_are_cut_where_they_end(self) -> None:
        answers = Answers()
        self.assertEqual(answers.take(_ANSWER + _ANSWER[:-1]), [b"abc"])
        self.assertEqual(answers.take(b""), [])
        self.assertEqual(answers.take(b"d"), [b"abd"])

    def test_byte_by_byte(self) -> None:
        answers = Answers()
        bodies = [body for byte in _ANSWER * 2 for body in answers.take(bytes([byte]))]
        self.assertEqual(bodies, [b"abc", b"abc"])

    def test_what_is_no_answer_is_refused(self) -> None:
        for wrong in (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"):
            with self.assertRaises(ValueError):
                Answers().take(wrong)


class ReportTest(unittest.TestCase):
    """Connections that nobody has to answer: what they have seen is set by hand."""

    def setUp(self) -> None:
        for name, value in (("connect_ex", 0), ("getsockname", ("127.0.0.1", 40001))):
            patch = mock.patch.object(socket.socket, name, return_value=value)
            patch.start()
            self.addCleanup(patch.stop)
        for name, value in (("_PATIENCE_S", 0.0), ("sent_again", lambda _tcp: 0)):
            patch = mock.patch.object(steady, name, value)
            patch.start()
            self.addCleanup(patch.stop)
        self.client = Client("127.0.0.1", 80, 0.1)
        self.client.staying = [Staying(self.client, False) for _ in range(3)]
        self.client._next_ask = self.client._next_new = time.monotonic() + 60
        self.addCleanup(lambda: [one.socket.close() for one in (*self.client.staying, *self.client.coming)])

    def _report(self) -> "dict[str, Any]":
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            self.client._report(200.0)
        return dict(json.loads(said.getvalue()))

    def test_what_was_seen_is_told_once_and_who_lives_goes_on(self) -> None:
        first = self.client.staying[0]
        first.answers, first.pages, first.slowest = [(1.0, 0.3)], [b"rs1 a ...", b"rs2 b ..."], (1.0, 0.3, 2)
        seen = self._report()["stayed"][0]
        self.assertEqual((seen["answers"], seen["peers"], seen["port"]), ([[1.0, 0.3]], ["rs1 a", "rs2 b"], 40001))
        seen = self._report()["stayed"][0]
        self.assertIs(self.client.staying[0], first)
        self.assertEqual((seen["answers"], seen["peers"]), ([], ["rs2 b"]))  # it is compared with what was last

    def test_a_lost_connection_is_opened_again(self) -> None:
        lost, silent, well = self.client.staying
        lost.error = "ConnectionResetError: "
        silent.asked.append(time.monotonic())
        stayed = self._report()["stayed"]
        self.assertEqual([one["error"] for one in stayed], ["ConnectionResetError: ", None, None])
        self.assertEqual([one["unanswered"] for one in stayed], [0, 1, 0])
        self.assertIs(self.client.staying[2], well)
        self.assertNotIn(lost, self.client.staying)
        self.assertNotIn(silent, self.client.staying)
        lost.socket.close()

    def test_a_new_connection_is_reported_when_it_is_over(self) -> None:
        done, refused, later = (Coming(self.client) for _ in range(3))
        done.took, refused.error, later.began = 0.5, "ConnectionRefusedError: ", time.monotonic() + 60
        self.client.coming = [done, refused, later]
        came = self._report()["came"]
        self.assertEqual([one["error"] for one in came], [None, "ConnectionRefusedError: "])
        self.assertEqual(came[1]["port"], 40001)
        self.assertEqual(self.client.coming, [later])
        for one in (done, refused):
            one.socket.close()

    def test_calm_is_when_nothing_was_late_and_nothing_is(self) -> None:
        now = time.monotonic()
        self.client.slow_at = now
        self.assertFalse(self.client._is_calm(1.0))
        self.client.slow_at = now - 2
        self.assertTrue(self.client._is_calm(1.0))
        self.client.staying[1].asked.append(now - 1)
        self.assertFalse(self.client._is_calm(1.0))


if __name__ == "__main__":
    unittest.main()
