# A hook that fails whenever something is checked out.
printf '#!/bin/sh\necho "checked out" >>.git/hook.log\nexit 1\n' >"$tree/.git/hooks/post-checkout"
chmod +x "$tree/.git/hooks/post-checkout"
