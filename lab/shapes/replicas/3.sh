# Three containers of the service that does the work.
scaled=${services##* }
goes_by <<END
scale="--scale $scaled=3"
END
said compose up -d $scale "$scaled"
