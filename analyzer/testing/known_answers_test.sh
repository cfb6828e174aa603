#!/bin/sh
# The analyzer's figures against answers worked out by hand.
exec python3 analyzer/testing/known_answers.py analyzer/compare
