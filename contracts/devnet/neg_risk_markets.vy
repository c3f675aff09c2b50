# pragma version 0.4.3
"""
@title neg_risk_markets
@license MIT
@notice Neg-risk markets: binary questions of which at most one resolves YES.
@dev    A market's id ends in a zero byte; the id of its n-th question is the market's plus n. Names, ids and events are
        those of the venue's adapter.
"""

event MarketPrepared:
    marketId: indexed(bytes32)
    oracle: indexed(address)
    feeBips: uint256
    data: Bytes[1024]

event QuestionPrepared:
    marketId: indexed(bytes32)
    questionId: indexed(bytes32)
    index: uint256
    data: Bytes[1024]

event OutcomeReported:
    marketId: indexed(bytes32)
    questionId: indexed(bytes32)
    outcome: bool

interface ConditionalTokens:
    def prepareCondition(oracle: address, question_id: bytes32, outcome_slot_count: uint256): nonpayable
    def reportPayouts(question_id: bytes32, payouts: DynArray[uint256, 2]): nonpayable
    def getConditionId(oracle: address, question_id: bytes32, outcome_slot_count: uint256) -> bytes32: view


struct Market:
    oracle: address
    fee_bips: uint256
    question_count: uint256
    determined: bool
    result: uint256


BPS: constant(uint256) = 10_000
MAX_QUESTIONS: constant(uint256) = 64

CONDITIONAL_TOKENS: immutable(ConditionalTokens)

markets: HashMap[bytes32, Market]


@deploy
def __init__(conditional_tokens: address):
    """
    @notice Keep the questions as conditions of one contract, of which this contract is the oracle.
    """
    CONDITIONAL_TOKENS = ConditionalTokens(conditional_tokens)


@external
def prepareMarket(feeBips: uint256, data: Bytes[1024]) -> bytes32:
    """
    @notice Open a market, whose questions the caller prepares and resolves, and return its id.
    @param feeBips What conversions cost, in basis points of what they give.
    """
    assert feeBips <= BPS, "fee"
    market_id: bytes32 = self._market_of(keccak256(abi_encode(msg.sender, feeBips, data)))
    assert self.markets[market_id].oracle == empty(address), "prepared"
    self.markets[market_id].oracle = msg.sender
    self.markets[market_id].fee_bips = feeBips
    log MarketPrepared(marketId=market_id, oracle=msg.sender, feeBips=feeBips, data=data)
    return market_id


@external
def prepareQuestion(marketId: bytes32, data: Bytes[1024]) -> bytes32:
    """
    @notice Add a question to a market of the caller, and return its id.
    """
    assert self.markets[marketId].oracle == msg.sender, "not the oracle"
    index: uint256 = self.markets[marketId].question_count
    assert index < MAX_QUESTIONS, "too many questions"
    self.markets[marketId].question_count = index + 1
    question_id: bytes32 = self.question_id(marketId, index)
    extcall CONDITIONAL_TOKENS.prepareCondition(self, question_id, 2)
    log QuestionPrepared(marketId=marketId, questionId=question_id, index=index, data=data)
    return question_id


@external
def reportOutcome(questionId: bytes32, outcome: bool):
    """
    @notice Resolve a question of a market of the caller. Only one question of a market can be true.
    """
    market_id: bytes32 = self._market_of(questionId)
    index: uint256 = convert(questionId, uint256) - convert(market_id, uint256)
    assert self.markets[market_id].oracle == msg.sender, "not the oracle"
    assert index < self.markets[market_id].question_count, "no such question"
    if outcome:
        assert not self.markets[market_id].determined, "determined"
        self.markets[market_id].determined = True
        self.markets[market_id].result = index
    extcall CONDITIONAL_TOKENS.reportPayouts(questionId, [1, 0] if outcome else [0, 1])
    log OutcomeReported(marketId=market_id, questionId=questionId, outcome=outcome)


@external
@view
def getConditionId(questionId: bytes32) -> bytes32:
    """
    @notice The condition of a question.
    """
    return self.condition_id(questionId)


@external
@view
def getOracle(marketId: bytes32) -> address:
    """
    @notice Who prepared a market; zero if nobody did.
    """
    return self.markets[marketId].oracle


@external
@view
def getQuestionCount(marketId: bytes32) -> uint256:
    """
    @notice How many questions a market has so far.
    """
    return self.markets[marketId].question_count


@external
@view
def getDetermined(marketId: bytes32) -> bool:
    """
    @notice Whether a question of the market has resolved YES.
    """
    return self.markets[marketId].determined


@external
@view
def getResult(marketId: bytes32) -> uint256:
    """
    @notice The index of the question that resolved YES; zero also while none has.
    """
    return self.markets[marketId].result


@external
@view
def getFeeBips(marketId: bytes32) -> uint256:
    """
    @notice What conversions cost, in basis points.
    """
    return self.markets[marketId].fee_bips


@internal
@view
def condition_id(question_id: bytes32) -> bytes32:
    """
    @notice The condition of a question.
    """
    return staticcall CONDITIONAL_TOKENS.getConditionId(self, question_id, 2)


@internal
@pure
def question_id(market_id: bytes32, index: uint256) -> bytes32:
    """
    @notice The id of a market's question.
    """
    return convert(convert(market_id, uint256) + index, bytes32)


@internal
@pure
def _market_of(question_id: bytes32) -> bytes32:
    return convert(convert(question_id, uint256) & ~convert(max_value(uint8), uint256), bytes32)
