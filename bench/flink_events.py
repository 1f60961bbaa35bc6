"""Seeded events for the comparison with Flink: lines of JSON, the same bytes each time."""

import datetime
import json
import random
import string

START = datetime.datetime(2026, 11, 25, 8, tzinfo=datetime.UTC)
SECONDS = 100  # of event time, however many events
EVENT_BYTES = 117

# Nexmark's defaults (GeneratorConfig and NexmarkConfiguration of nexmark-flink).
PERSONS, AUCTIONS, BIDS = 1, 3, 46
EPOCH = PERSONS + AUCTIONS + BIDS
HOT_BATCH = 100
HOT_AUCTIONS, HOT_SELLERS, HOT_BIDDERS = 2, 4, 4  # one in so many is not a hot one
IN_FLIGHT, ACTIVE_PEOPLE, LEAD = 100, 1000, 10
LONGEST_AUCTION = 2 * IN_FLIGHT * EPOCH // AUCTIONS  # milliseconds
FIRST_ID, FIRST_CATEGORY, CATEGORIES = 1000, 10, 5
PERSON_BYTES, AUCTION_BYTES, BID_BYTES = 200, 500, 100
CHANNELS = 10_000
HOT_CHANNELS = ("Google", "Facebook", "Baidu", "Apple")
STATES = "AZ,CA,ID,OR,WA,WY".split(",")
CITIES = "Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne"
FIRST_NAMES = "Peter,Paul,Luke,John,Saul,Vicky,Kate,Julie,Sarah,Deiter,Walter".split(",")
LAST_NAMES = "Shultz,Abrams,Spencer,White,Bartels,Walton,Smith,Jones,Noris".split(",")


def sql_time(ms):
    moment = START + datetime.timedelta(milliseconds=ms)
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{moment.microsecond // 1000:03d}"


def plain_events(count, seed=1):
    """Events of 117 bytes: id; u, of count / 4 keys; c, of 100,000; k, of 1,000; v; ts.

    Times are up to 900 ms out of order.
    """
    random_ = random.Random(seed)
    for number in range(count):
        k = random_.randrange(1000)
        ms = max(0, number * SECONDS * 1000 // count - random_.randrange(900))
        line = (
            f'{{"id":{1_000_000_000 + number},"u":{1_000_000_000 + random_.randrange(count // 4)},'
            f'"c":{100_000 + random_.randrange(100_000)},"k":"customer-{k:019d}",'
            f'"v":{100 + random_.randrange(900)},"ts":"{sql_time(ms)}"}}'
        )
        assert len(line) == EVENT_BYTES, (len(line), line)
        yield line


class Nexmark:
    """Persons, auctions and bids as nexmark-flink makes them, one a millisecond.

    As there, most of the auctions and people that events name are hot, and a few come later than
    their first mention. Other than there, no two events have one time and no two bids of an
    auction one price, so that every query has one right result.
    """

    def __init__(self, seed=1):
        self.random = random.Random(seed)
        letters = string.ascii_lowercase
        self.letters = "".join(self.random.choice(letters) for _ in range(1 << 16))
        self.hot_urls = [self.url() for _ in HOT_CHANNELS]
        self.channels = [(f"channel-{i}", self.channel_url(i)) for i in range(CHANNELS)]
        self.prices = set()

    def text(self, length):
        at = self.random.randrange(len(self.letters) - length)
        return self.letters[at : at + length]

    def extra(self, used, wanted):
        """Fills up to the wanted size, give or take a fifth."""
        if used >= wanted:
            return ""
        room = wanted - used
        return self.text(room - room // 5 + self.random.randrange(2 * (room // 5) + 1))

    def url(self):
        folders = "/".join(self.text(5) for _ in range(3))
        return f"https://www.nexmark.com/{folders}/item.htm?query=1"

    def channel_url(self, number):
        mirrored = int(f"{number:032b}"[::-1], 2)
        number = abs(mirrored - (1 << 32) if mirrored >> 31 else mirrored)
        return self.url() + (f"&channel_id={number}" if self.random.randrange(10) else "")

    def price(self):
        return round(10 ** (self.random.random() * 6) * 100)

    @staticmethod
    def last_person(event):
        return event // EPOCH * PERSONS + min(event % EPOCH, PERSONS - 1)

    @staticmethod
    def last_auction(event):
        epoch, offset = divmod(event, EPOCH)
        if offset < PERSONS:
            return epoch * AUCTIONS - 1
        return epoch * AUCTIONS + min(offset - PERSONS, AUCTIONS - 1)

    def a_person(self, event, hot_ratio, hot_offset):
        last = self.last_person(event)
        if self.random.randrange(hot_ratio):
            return FIRST_ID + last // HOT_BATCH * HOT_BATCH + hot_offset
        active = min(last + 1, ACTIVE_PEOPLE)
        return FIRST_ID + last + 1 - active + self.random.randrange(active + LEAD)

    def an_auction(self, event):
        last = max(0, self.last_auction(event))
        if self.random.randrange(HOT_AUCTIONS):
            return FIRST_ID + last // HOT_BATCH * HOT_BATCH
        first = max(last - IN_FLIGHT, 0)
        return FIRST_ID + first + self.random.randrange(last - first + 1 + LEAD)

    def person(self, event):
        choice = self.random.choice
        person = {
            "id": FIRST_ID + self.last_person(event),
            "name": f"{choice(FIRST_NAMES)} {choice(LAST_NAMES)}",
            "emailAddress": f"{self.text(7)}@{self.text(5)}.com",
            "creditCard": " ".join(f"{self.random.randrange(10_000):04d}" for _ in range(4)),
            "city": choice(CITIES.split(",")),
            "state": choice(STATES),
            "dateTime": sql_time(event),
        }
        used = 8 + sum(len(person[n]) for n in ("name", "emailAddress", "creditCard", "city"))
        return person | {"extra": self.extra(used + 2, PERSON_BYTES)}

    def auction(self, event):
        bid = self.price()
        return {
            "id": FIRST_ID + self.last_auction(event),
            "itemName": self.text(20),
            "description": self.text(100),
            "initialBid": bid,
            "reserve": bid + self.price(),
            "dateTime": sql_time(event),
            "expires": sql_time(event + 1 + self.random.randrange(LONGEST_AUCTION)),
            "seller": self.a_person(event, HOT_SELLERS, 0),
            "category": FIRST_CATEGORY + self.random.randrange(CATEGORIES),
            "extra": self.extra(168, AUCTION_BYTES),
        }

    def bid(self, event):
        auction, price = self.an_auction(event), self.price()
        while (auction, price) in self.prices:
            price += 1
        self.prices.add((auction, price))
        if self.random.randrange(2):
            hot = self.random.randrange(len(HOT_CHANNELS))
            channel, url = HOT_CHANNELS[hot], self.hot_urls[hot]
        else:
            channel, url = self.random.choice(self.channels)
        return {
            "auction": auction,
            "bidder": self.a_person(event, HOT_BIDDERS, 1),
            "price": price,
            "channel": channel,
            "url": url,
            "dateTime": sql_time(event),
            "extra": self.extra(32, BID_BYTES),
        }

    def events(self, count):
        for event in range(count):
            offset = event % EPOCH
            if offset < PERSONS:
                made = {"event_type": 0, "person": self.person(event)}
            elif offset < PERSONS + AUCTIONS:
                made = {"event_type": 1, "auction": self.auction(event)}
            else:
                made = {"event_type": 2, "bid": self.bid(event)}
            yield json.dumps(made, separators=(",", ":"))


def nexmark_events(count):
    return Nexmark().events(count)
