# SPDX-License-Identifier: ISC
"""What the end-to-end tests of mailwall share; see regress/README."""
