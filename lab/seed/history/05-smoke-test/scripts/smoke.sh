#!/bin/sh
curl -fsS --max-time 5 https://agents-api.dyniq.ai/health
