-- Deletes expired and old records: now, delete ends before this time, the idle timeout of each
-- rule, limit of rows.
local now, forgotten_before, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[6])
local idle = { tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5]) }
local worked, over, forgotten, named = 0, 0, 0, {}

-- Drops the first leaf of a tree that is no longer read.
local function drop_leaf(tree)
  if call('DEL', leaf(tree, '')) == 1 then return true end
  local from = call('ZRANGE', PREFIX .. tree, 0, 0)[1]
  if not from then return false end
  call('DEL', leaf(tree, from))
  call('ZREM', PREFIX .. tree, from)
  return true
end

-- Sessions of earlier generations.
while worked < most and #state > 3 do
  local earlier, why = state:sub(-11, -9), state:sub(-8)
  local entry = first_of('i' .. earlier)
  if entry then
    local digest = entry:sub(17, 48)
    local record = call('GET', PREFIX .. 't' .. digest)
    remove('i' .. earlier, entry)
    call('DEL', PREFIX .. 'v' .. entry:sub(1, 16))
    if is_live_form(record) and record:sub(3, 5) == earlier then
      if number(why:sub(2, 8)) >= forgotten_before then
        record_end(digest, record, why, false)
        for _, of_child in ipairs(children_of(entry:sub(1, 16))) do
          local child = call('GET', PREFIX .. 't' .. of_child)
          if is_child_form(child) then record_child_end(of_child, child, why) end
        end
      else
        call('DEL', PREFIX .. 't' .. digest)
        drop_children(entry:sub(1, 16))
      end
    end
  elseif not drop_leaf('u' .. earlier) and not drop_leaf('d' .. earlier) then
    state = state:sub(1, -12)
    call('SET', PREFIX .. 't', state)
  end
  worked = worked + 1
end

-- Sessions that a timeout may have ended. The due time is a lower bound: activity may have moved
-- it.
while worked < most do
  local element = first_of('d' .. gen)
  if not element or number(element:sub(1, 7)) > now then break end
  local id = element:sub(8, 23)
  local entry, record = live(id)
  if not entry then
    remove('d' .. gen, element)
  else
    local at, reason = deadline(entry, record, idle)
    if at > now then
      remove('d' .. gen, element)
      add('d' .. gen, time(at) .. id)
      replace('i' .. gen, entry, entry:sub(1, 55) .. time(at))
    else
      if is_user(record) then
        named[#named + 1] = id .. user_of(record) .. reason .. time(at)
      end
      if at >= forgotten_before then
        finish(entry, record, reason .. time(at))
        over = over + 1
      else
        remove_live(entry, record)
        call('DEL', PREFIX .. 't' .. entry:sub(17, 48))
        drop_children(id)
        forgotten = forgotten + 1
      end
    end
  end
  worked = worked + 1
end

-- Ends older than a day.
while worked < most do
  local element = first_of('f')
  if not element or number(element:sub(1, 7)) >= forgotten_before then break end
  local key = PREFIX .. 't' .. element:sub(8)
  remove('f', element)
  if #element == 39 then
    local record = call('GET', key)
    if record and record:byte(1) == ENDED and bit.band(record:byte(2), WAS_ROTATED) == 0 then
      remove('e', record:sub(11, 26) .. element:sub(8))
    end
    forgotten = forgotten + 1
  end
  call('DEL', key)
  worked = worked + 1
end

-- Expired codes.
while worked < most do
  local element = first_of('o')
  if not element or number(element:sub(1, 7)) > now then break end
  local digest = element:sub(8)
  local code = call('GET', PREFIX .. 'k' .. digest)
  remove('o', element)
  if code then remove_code(digest, code) end
  worked = worked + 1
end

-- Old entries of the feed. An entry far in the future was written by a wrong clock, and would keep
-- all later entries from being deleted.
while worked < most do
  local element = first_of('r')
  if not element then break end
  local at = number(element:sub(41, 47))
  if at >= forgotten_before and at <= now + (now - forgotten_before) then break end
  remove('r', element)
  local forgotten_one = number(element:sub(1, 7))
  call('HSET', PREFIX .. 'r#', 'f', forgotten_one)
  worked = worked + 1
end

return { worked, over, forgotten, named }
