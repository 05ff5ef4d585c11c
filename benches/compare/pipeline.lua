-- Sends so many requests at once as PIPELINE says.
local many = tonumber(os.getenv("PIPELINE")) or 1
init = function(args)
   local one = wrk.format()
   local all = {}
   for i = 1, many do all[i] = one end
   together = table.concat(all)
end
request = function() return together end
