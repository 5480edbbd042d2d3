-- Starts a child: digest, record, reason and time for the earlier child at the same origin.
local digest, child, why = ARGV[1], ARGV[2], ARGV[3]
local id, parent = child_id(child), parent_of(child)
local entry, record = live(parent)
if not entry then return { 'gone' } end
if call('EXISTS', PREFIX .. 't' .. digest) == 1 or live(id) or child_by_id(id) or ended(id) then
  return { 'taken' }
end
local answer = { 'started', '' }
for _, other in ipairs(children_of(parent)) do
  local earlier = call('GET', PREFIX .. 't' .. other)
  if is_child_form(earlier) and origin_of(earlier) == origin_of(child) then
    finish_child(other, earlier, owner_of(record), why)
    answer[2] = child_id(earlier)
  end
end
call('SET', PREFIX .. 't' .. digest, child)
add('c', parent .. digest)
add('h', id .. digest)
return answer
