-- Raises a user's epoch: user, new epoch, reason and time, kept session or empty (session 16, old
-- digest 32, new digest 32, proof 1), whether the account was deleted.
local user, to, why, survivor, is_gone = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'
local epoch, at = number(to), ARGV[3]:sub(2, 8)
if stored_epoch(user) >= epoch then return 0 end
local own, count = of_user(user), 0
store_epoch(user, epoch)
-- The sweep deletes the epoch once no sign-in from before can still be running.
if is_gone then add('f', at .. user) end
for n = 1, #own, 2 do
  local entry, record = own[n], own[n + 1]
  local named = survivor ~= '' and entry:sub(1, 48) == survivor:sub(1, 48)
  if named and call('EXISTS', PREFIX .. 't' .. survivor:sub(49, 80)) == 0 then
    local changed = proven(record, survivor:byte(81), at)
    changed = changed:sub(1, 37) .. to .. changed:sub(43)
    rotate(entry, record, survivor:sub(49, 80), changed, at)
  elseif epoch_of(record) < epoch then
    finish(entry, record, why)
    count = count + 1
  end
end
return count
