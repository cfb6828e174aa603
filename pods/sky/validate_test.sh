#!/bin/sh
exec "$PWD/external/skypilot/python3" "$PWD/pods/sky/validate_test.py"
