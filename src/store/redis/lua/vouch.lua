-- Whether the server would take a write now: the flags ask that.
return 1
