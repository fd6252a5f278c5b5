-- Tables, strings, floating point. usage: program.lua COUNT
local function work()
  local values, hash = {}, 0
  for i = 1, 100000 do values[i] = (i * 7907) % 10009 end
  table.sort(values)
  for i = 1, #values do hash = (hash * 37 + values[i]) % 999983 end
  local parts = {}
  for i = 1, 20000 do parts[#parts + 1] = string.format("%d=%s", i, ("y"):rep(i % 5)) end
  local text, n = table.concat(parts, ";"):gsub("2(%d)", "<%1>")
  local sum = 0.0
  for i = 1, 500000 do sum = sum + 1.0 / (i * i + 1) end
  return hash, #text, n, string.format("%.12f", sum)
end
for _ = 1, tonumber(arg[1]) do print(work()) end
