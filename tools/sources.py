#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Print the C files of folders, sorted: what stands in a room's folder is that room's program."""
import glob
import sys

for folder in sys.argv[1:]:
    print("\n".join(sorted(glob.glob(folder + "/*.c"))))
