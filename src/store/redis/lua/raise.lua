-- Raises a user's epoch: user, to, why, the survivor or nothing (session 16, from 32, to 32,
-- whether its user proved who they are 1), whether the account is gone.
local user, to, why, survivor, is_gone = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'
local epoch, at = number(to), ARGV[3]:sub(2, 8)
if known_epoch(user) >= epoch then return 0 end
local own, count = of_user(user), 0
know_epoch(user, epoch)
-- When no sign-in that began before can be under way any more, the copy is of no use.
if is_gone then add('f', at .. user) end
for n = 1, #own, 2 do
  local place, record = own[n], own[n + 1]
  local named = survivor ~= '' and place:sub(1, 48) == survivor:sub(1, 48)
  if named and call('EXISTS', PREFIX .. 't' .. survivor:sub(49, 80)) == 0 then
    local changed = survivor:byte(81) == 1 and proven(record, at) or record
    changed = changed:sub(1, 37) .. to .. changed:sub(43)
    rotate(place, record, survivor:sub(49, 80), changed, at)
  elseif epoch_of(record) < epoch then
    finish(place, record, why)
    count = count + 1
  end
end
return count
