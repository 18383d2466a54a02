"""What a read may contain: stages and operators by name; and what to say of the ones it may not."""

from __future__ import annotations

STAGES = frozenset(
    "$match $project $addFields $set $unset $sort $limit $skip $sample $group $count $sortByCount $unwind $lookup "
    "$graphLookup $facet $bucket $bucketAuto $replaceRoot $replaceWith $unionWith $setWindowFields $densify $fill $redact "
    "$geoNear".split()
)
"""Stages that read. `$out` and `$merge` write; `$currentOp`, `$listSessions` and the like tell of others' statements."""

QUERY = frozenset(
    "$eq $ne $gt $gte $lt $lte $in $nin $and $or $nor $not $exists $type $expr $jsonSchema $mod $regex $options $text "
    "$search $language $caseSensitive $diacriticSensitive $all $elemMatch $size $bitsAllClear $bitsAllSet $bitsAnyClear "
    "$bitsAnySet $geoIntersects $geoWithin $near $nearSphere $geometry $maxDistance $minDistance $box $center "
    "$centerSphere $polygon $uniqueDocs $slice $meta $natural $rand $sampleRate $literal".split()
)
EXPRESSIONS = frozenset(
    "$abs $acos $acosh $add $allElementsTrue $anyElementTrue $arrayElemAt $arrayToObject $asin $asinh $atan $atan2 $atanh "
    "$avg $binarySize $bitAnd $bitNot $bitOr $bitXor $bsonSize $ceil $cmp $concat $concatArrays $cond $convert $cos $cosh "
    "$dateAdd $dateDiff $dateFromParts $dateFromString $dateSubtract $dateToParts $dateToString $dateTrunc $dayOfMonth "
    "$dayOfWeek $dayOfYear $degreesToRadians $divide $exp $filter $first $firstN $floor $getField $hour $ifNull "
    "$indexOfArray $indexOfBytes $indexOfCP $isArray $isNumber $isoDayOfWeek $isoWeek $isoWeekYear $last $lastN $let $ln "
    "$log $log10 $ltrim $map $max $maxN $median $mergeObjects $millisecond $min $minN $minute $month $multiply "
    "$objectToArray $percentile $pow $radiansToDegrees $range $reduce $regexFind $regexFindAll $regexMatch $replaceAll "
    "$replaceOne $reverseArray $rtrim $second $setDifference $setEquals $setField $setIntersection $setIsSubset $setUnion "
    "$sin $sinh $sortArray $split $sqrt $stdDevPop $stdDevSamp $strLenBytes $strLenCP $strcasecmp $substr $substrBytes "
    "$substrCP $subtract $sum $switch $tan $tanh $toBool $toDate $toDecimal $toDouble $toInt $toLong $toLower $toObjectId "
    "$toString $toUpper $toUUID $trim $trunc $tsIncrement $tsSecond $unsetField $week $year $zip".split()
)
ACCUMULATORS = frozenset(
    "$addToSet $push $bottom $bottomN $top $topN $covariancePop $covarianceSamp $denseRank $derivative $documentNumber "
    "$expMovingAvg $integral $linearFill $locf $rank $shift".split()
)
ALLOWED = STAGES | QUERY | EXPRESSIONS | ACCUMULATORS

_NO_CODE = "No code runs in a read: write it with expressions, such as $cond, $map or $reduce."
ADVICE = {
    "$out": "A read writes nothing: propose the change as a change set.",
    "$merge": "A read writes nothing: propose the change as a change set.",
    "$where": "No code runs in a read: write the condition with $expr.",
    "$function": _NO_CODE,
    "$accumulator": _NO_CODE,
    "$currentOp": "Other people's statements are not read here.",
    "$listSessions": "Other people's sessions are not read here.",
    "$listLocalSessions": "Other people's sessions are not read here.",
    "$indexStats": "advise_indexes and check_database look at the use of indexes.",
    "$collStats": "assess_database looks at sizes.",
    "$planCacheStats": "explain_query shows a plan.",
    "$changeStream": "A query ends; changes are not followed here.",
}
COMMAND_ADVICE = {
    "explain": ("Explain has its own tool: pass it the command alone.", ("explain_query",)),
    "mapreduce": ("No code runs in a read: use aggregate with $group.", ()),
    "group": ("Use aggregate with $group.", ()),
    "getmore": ("The next page comes with the cursor that the last answer gave.", ("run_query",)),
    "listcollections": ("Collections, fields and indexes are described by a tool of their own.", ("describe_schema",)),
    "listindexes": ("Collections, fields and indexes are described by a tool of their own.", ("describe_schema",)),
    "collstats": ("Sizes are told by the assessment.", ("assess_database",)),
    "dbstats": ("Sizes are told by the assessment.", ("assess_database",)),
    "usersinfo": ("Users and roles are looked at by the security checks.", ("check_database",)),
    "rolesinfo": ("Users and roles are looked at by the security checks.", ("check_database",)),
}
WRITES = frozenset(
    "insert update delete findandmodify bulkwrite create drop dropdatabase createindexes dropindexes deleteindexes collmod "
    "renamecollection converttocapped createuser updateuser dropuser grantrolestouser revokerolesfromuser createrole "
    "updaterole droprole setparameter compact reindex clonecollectionascapped".split()
)
