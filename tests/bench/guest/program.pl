# Hashes, regular expressions, sorting. usage: program.pl COUNT
for (1 .. $ARGV[0]) {
    my (%sum, $long);
    for my $i (1 .. 60000) {
        $sum{'k' . ($i * 7907 % 4999)} += $i;
        $long += length $i if $i =~ /5.*9/;
    }
    my @first = (sort { $a cmp $b } keys %sum)[0 .. 9];
    print "$long ", join(',', map { $sum{$_} } @first), "\n";
}
