# What shows only when templates are filled in.

use wildcards photos
a __loop__ # PL016
