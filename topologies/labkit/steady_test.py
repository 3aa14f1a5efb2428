"""Answers out of a stream of bytes."""

import unittest

from labkit.steady import Answers

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


if __name__ == "__main__":
    unittest.main()
