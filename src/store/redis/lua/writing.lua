-- Functions that write trees and end sessions.
local LEAF, SPARSE = 60, 16

local function move(from, into, first)
  local moved = call('ZRANGE', from, first, -1)
  local arguments = {}
  for n, element in ipairs(moved) do
    arguments[2 * n - 1], arguments[2 * n] = 0, element
  end
  call('ZADD', into, unpack(arguments))
  call('ZREMRANGEBYRANK', from, first, -1)
end

local function add(tree, element)
  local from = beginning(tree, element)
  local full = leaf(tree, from)
  call('ZADD', full, 0, element)
  local count = call('ZCARD', full)
  if count <= LEAF then return end
  -- A tree that grows at its end, as the index by id, gets full leaves.
  local last = call('ZRANGE', full, -1, -1)[1]
  local first = last == element and count - 1 or LEAF / 2
  local pair = call('ZRANGE', full, first - 1, first)
  local before, begins = pair[1], pair[2]
  local length = 1
  while begins:byte(length) == before:byte(length) do length = length + 1 end
  begins = begins:sub(1, length)
  move(full, leaf(tree, begins), first)
  call('ZADD', PREFIX .. tree, 0, begins)
end

local function remove(tree, element)
  local from = beginning(tree, element)
  local sparse = leaf(tree, from)
  call('ZREM', sparse, element)
  local count = call('ZCARD', sparse)
  if from == '' or count >= SPARSE then return end
  if count > 0 then
    local before = call('ZREVRANGEBYLEX', PREFIX .. tree, '(' .. from, '-', 'LIMIT', 0, 1)[1] or ''
    local into = leaf(tree, before)
    if count + call('ZCARD', into) > LEAF - SPARSE then return end
    move(sparse, into, 0)
  end
  call('ZREM', PREFIX .. tree, from)
end

-- Both elements have the same id, so they belong to the same leaf.
local function replace(tree, element, by)
  local found = leaf(tree, beginning(tree, element))
  call('ZREM', found, element)
  call('ZADD', found, 0, by)
end

local function first_of(tree)
  local element = call('ZRANGE', leaf(tree, ''), 0, 0)[1]
  if element then return element end
  local from = call('ZRANGE', PREFIX .. tree, 0, 0)[1]
  return from and call('ZRANGE', leaf(tree, from), 0, 0)[1]
end

local function count_one(record, change)
  call('HINCRBY', PREFIX .. 'n' .. gen, is_user(record) and 'u' or 'a', change)
end

local function insert_live(digest, record, seen, due)
  local id = record:sub(6, 21)
  call('SET', PREFIX .. 't' .. digest, record)
  add('i' .. gen, id .. digest .. seen .. due)
  add('d' .. gen, due .. id)
  if is_user(record) then add('u' .. gen, user_of(record) .. id) end
  count_one(record, 1)
end

-- Removes a live session from every index, and its data.
local function remove_live(entry, record)
  local id = entry:sub(1, 16)
  remove('i' .. gen, entry)
  remove('d' .. gen, entry:sub(56, 62) .. id)
  if is_user(record) then remove('u' .. gen, user_of(record) .. id) end
  count_one(record, -1)
  call('DEL', PREFIX .. 'v' .. id)
end

-- Records the end of a token: `why` is reason 1, ended at 7.
local function record_end(digest, record, why, rotated)
  call('SET', PREFIX .. 't' .. digest, ended_record(record, why, rotated))
  add('f', why:sub(2, 8) .. digest)
  if not rotated then add('e', record:sub(6, 21) .. digest) end
end

-- Records the end of a child, and removes it from the living.
local function record_child_end(digest, child, why)
  local id = child_id(child)
  remove('c', parent_of(child) .. digest)
  remove('h', id .. digest)
  call('SET', PREFIX .. 't' .. digest, string.char(ENDED, WAS_CHILD) .. why .. id)
  add('f', why:sub(2, 8) .. digest)
  add('e', id .. digest)
end

-- Deletes the children of a session that is not remembered.
local function drop_children(id)
  for _, digest in ipairs(children_of(id)) do
    local child = call('GET', PREFIX .. 't' .. digest)
    remove('c', id .. digest)
    if is_child_form(child) then
      remove('h', child_id(child) .. digest)
      call('DEL', PREFIX .. 't' .. digest)
    end
  end
end

local function owner_of(record) return is_user(record) and user_of(record) or NO_USER end

-- Appends an end to the feed under the next number.
local function append_end(id, user, why)
  local next_one = call('HINCRBY', PREFIX .. 'r#', 'n', 1)
  add('r', time(next_one) .. id .. user .. why)
end

local function finish_child(digest, child, user, why)
  record_child_end(digest, child, why)
  append_end(child_id(child), user, why)
end

-- Ends a session and its children.
local function finish(entry, record, why)
  remove_live(entry, record)
  record_end(entry:sub(17, 48), record, why, false)
  append_end(entry:sub(1, 16), owner_of(record), why)
  for _, digest in ipairs(children_of(entry:sub(1, 16))) do
    local child = call('GET', PREFIX .. 't' .. digest)
    if is_child_form(child) then finish_child(digest, child, owner_of(record), why) end
  end
end

local function remove_code(digest, code)
  call('DEL', PREFIX .. 'k' .. digest)
  remove('q', code:sub(1, 23) .. digest)
  remove('o', code:sub(17, 23) .. digest)
end

-- Every live session of a user by ascending id: index element, record, index element, record …
local function of_user(user)
  local ids, found = {}, {}
  walk('u' .. gen, user, function(element)
    if element:sub(1, 16) ~= user then return false end
    ids[#ids + 1] = element:sub(17, 32)
    return true
  end)
  for _, id in ipairs(ids) do
    local entry, record = live(id)
    if entry then
      found[#found + 1], found[#found + 2] = entry, record
    end
  end
  return found
end

-- The time at which a timeout ends a session, and which one: `idle` has the timeout of each rule.
local function deadline(entry, record, idle)
  local expires = number(record:sub(57, 63))
  local longest = idle[bit.band(record:byte(2), RULE) + 1]
  -- An unknown rule: the session is over.
  if not longest then return 0, ABSOLUTE_TIMEOUT end
  local goes_idle = number(entry:sub(49, 55)) + longest
  if goes_idle < expires then return goes_idle, IDLE_TIMEOUT end
  return expires, ABSOLUTE_TIMEOUT
end

-- The record after a proof: 0 of nothing, 1 of the password, otherwise of the factor below it.
local function proven(record, proof, at)
  if proof == 0 then return record end
  local flags, rest = IS_PROVEN, record:sub(57)
  if proof > 1 then
    flags = flags + HAS_FACTOR
    -- The passkey that started the session stays.
    local passkey, kept = '', 0
    if has_passkey(record) then
      passkey, kept = record:sub(72, 87), bit.band(record:byte(64), 192)
    end
    rest = record:sub(57, 63) .. string.char(proof - 1 + kept) .. at .. passkey .. from_client(record)
  end
  flags = string.char(bit.bor(record:byte(2), flags))
  return record:sub(1, 1) .. flags .. record:sub(3, 49) .. at .. rest
end

-- Replaces the token of a live session, and its record. The records of its children are written
-- again, so that servers drop what they cached of this session with them.
local function rotate(entry, record, to, changed, at)
  local from = entry:sub(17, 48)
  call('SET', PREFIX .. 't' .. to, changed)
  record_end(from, record, REPLACED .. at, true)
  append_end(entry:sub(1, 16), owner_of(record), REPLACED .. at)
  replace('i' .. gen, entry, entry:sub(1, 16) .. to .. entry:sub(49))
  for _, digest in ipairs(children_of(entry:sub(1, 16))) do
    local child = call('GET', PREFIX .. 't' .. digest)
    if child then call('SET', PREFIX .. 't' .. digest, child) end
  end
end

-- The stored epoch of a user. The first epoch is not stored.
local function stored_epoch(user)
  local copy = call('GET', PREFIX .. 't' .. user)
  return copy and number(copy) or FIRST_EPOCH
end

local function store_epoch(user, epoch)
  if epoch > FIRST_EPOCH then call('SET', PREFIX .. 't' .. user, struct_pack('>I5', epoch)) end
end
