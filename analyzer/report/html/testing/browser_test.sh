#!/bin/sh
# report.html as a browser draws it.
exec python3 analyzer/report/html/testing/browser_test.py "$PWD/analyzer/compare" "$PWD/analyzer/testing"
