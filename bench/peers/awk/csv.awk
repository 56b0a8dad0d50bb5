# J7: awk -F, -f csv.awk
{
	key = substr($1, 1, 16) ":00Z," $3
	count[key]++
	sum[key] += $5
}
END {
	for (key in count)
		printf "%s,%d,%.2f\n", key, count[key], sum[key]
}
