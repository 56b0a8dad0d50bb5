# Payments as JSON lines of one shape, cut at the quotation marks: awk -F'"' -v job=J2 -f json.awk
# Right only while every line has the same order of keys.
job == "J1" { if ($31 ~ /false/) failures[substr($4, 1, 16)]++; next }
{
	key = substr($4, 1, 16) ":00Z," (job == "J5" ? $16 : $12)
	amount = substr($19, 2) + 0
	cost = substr($21, 2) + 0
	count[key]++
	sum[key] += amount
	if (cost > max[key])
		max[key] = cost
}
END {
	for (key in failures)
		print key ":00Z," failures[key]
	least = job == "J3" ? 1000 : job == "J5" ? 5 : 1
	for (key in count)
		if (count[key] >= least)
			printf "%s,%d,%.2f,%d\n", key, count[key], sum[key], max[key]
}
